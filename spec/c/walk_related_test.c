/* The walk over associated records: relation filters, rules over them, rollups, explanations that
 * pass through, columns that are known, the deepest use, and accounts of many people. What is made
 * up by chance is in walk_related_random_test.c.
 *
 * Exits 0 if all is as expected. */
#include "walk_world.h"

/* ---- vectors --------------------------------------------------------------------------------- */

#define ALL_PROPERTIES                                                                             \
    "\"company.industry\":\"text\",\"company.revenue\":\"number\",\"contact.id\":\"text\","        \
    "\"contact.points\":\"number\",\"contact.role\":\"text\",\"deal.stage\":\"text\","             \
    "\"event.x\":\"text\""
#define DEFINITION(name, object, extra, rules)                                                     \
    "{\"kind\":\"fit\",\"name\":\"" name "\",\"object\":\"" object                                 \
    "\",\"properties\":{" ALL_PROPERTIES "}," extra                                                \
    "\"groups\":[{\"kind\":\"fit\",\"name\":\"g\",\"rules\":[" rules "]}]}"
#define PLAN(definitions) "{\"definitions\":[" definitions "],\"language\":1}"
#define IS(property, condition) "{\"is\":" condition ",\"property\":\"" property "\"}"
#define ANY_OF(value) "{\"tests\":[[\"any_of\",\"" value "\"]]}"
#define WHEN(points, filter) "{\"points\":" points ",\"when\":" filter "}"
#define CONTACTS "\"over\":{\"related\":\"contacts\"}"

/* a: c1 (Primary, Buyer), c2 (Primary), c3; b: c3 (Primary); c: nobody. */
static const char people[] = "id,role,points,company_id\n"
                             "c1,Buyer,1,a\n"
                             "c2,,2.5,a\n"
                             "c3,Lost,0.1,b\n";
static const char accounts[] = "id,industry,revenue\na,Retail,1.5\nb,,-2.25\nc,Metals,\n";
static const char opportunities[] = "id,stage,company_id\nd,Open,a\n";
static const char ties[] = "from_object,from_id,to_object,to_id,label\n"
                           "contact,c1,company,a,Buyer\n"
                           "company,a,contact,c3,\n"
                           "deal,d,contact,c1,Decision maker\n"
                           "contact,c2,deal,d,\n";
static const char doings[] = "contact_id,event,at,x\n"
                             "c1,call,2025-05-31,p\nc1,call,2025-05-30,q\nc2,call,2025-05-31,p\n"
                             "c3,mail,2025-05-31,p\n";

/* The scores of vector 8: 10, 25, and one out of scope. */
#define SCORES                                                                                     \
    DEFINITION("web", "contact",                                                                   \
               "\"scope\":" IS("contact.id", "{\"tests\":[[\"none_of\",\"c3\"]]}") ",",            \
               WHEN("10", IS("contact.id", "{\"known\":true}")) "," WHEN("15", IS("contact.id",    \
                                                                                  ANY_OF("c2"))))

#define OF_WEB "\"of\":{\"part\":\"value\",\"score\":\"web\"}"
#define OF_POINTS "\"of\":{\"property\":\"contact.points\"}"
#define ROLLUP(function, rest) "{\"rollup\":\"" function "\"," rest "}"
#define ONLY_CONTACT(id)                                                                           \
    "\"over\":{\"related\":\"contacts\",\"where\":" IS("contact.id", ANY_OF(id)) "}"
#define CALLS(rest) "{\"event\":[\"call\"]," CONTACTS "," rest "}"
#define RELATED(rest) "{" rest "\"related\":\"contacts\"}"
#define BUYER "\"filter\":" IS("contact.role", ANY_OF("buyer")) ","
#define HAS_ROLE "\"filter\":" IS("contact.role", "{\"known\":true}") ","

typedef struct vector {
    const char *object, *rule;
    ls_object of;
    size_t row;
    const char *value; /* with ! before it: no rule fired */
    const char *why;   /* NULL: not looked at */
} vector;

static const vector vectors[] = {
    /* rollups of scores */
    {"company", ROLLUP("sum", OF_WEB "," CONTACTS), LS_COMPANY, 0, "35",
     "35 = sum of 2 contacts' web; 1 out of scope"},
    {"company", ROLLUP("avg", OF_WEB "," CONTACTS), LS_COMPANY, 0, "17.5",
     "17.5 = average of 2 contacts' web; 1 out of scope"},
    {"company", ROLLUP("sum", OF_WEB "," CONTACTS ",\"top\":1"), LS_COMPANY, 0, "25",
     "25 = sum of the 1 largest of 2 contacts' web; 1 out of scope"},
    {"company", ROLLUP("max", OF_WEB "," CONTACTS), LS_COMPANY, 0, "25", NULL},
    {"company", ROLLUP("min", OF_WEB "," CONTACTS), LS_COMPANY, 0, "10", NULL},
    {"company", ROLLUP("count", OF_WEB "," CONTACTS), LS_COMPANY, 0, "2", NULL},
    {"company", ROLLUP("count", CONTACTS), LS_COMPANY, 0, "3", "3 = count of 3 contacts"},
    {"company", ROLLUP("count", OF_WEB "," CONTACTS ",\"is\":{\"tests\":[[\"at_least\",25]]}"),
     LS_COMPANY, 0, "1", "1 = count of 2 contacts' web that is at least 25; 1 out of scope"},
    {"company", ROLLUP("count", OF_WEB "," CONTACTS ",\"is\":{\"tests\":[[\"at_least\",26]]}"),
     LS_COMPANY, 0, "!0", NULL},
    {"company", ROLLUP("sum", OF_WEB "," CONTACTS ",\"weight\":0.333333"), LS_COMPANY, 0,
     "11.666655", "11.666655 = 0.333333 x sum of 2 contacts' web; 1 out of scope"},
    {"company", ROLLUP("sum", OF_WEB "," CONTACTS ",\"weight\":-1,\"top\":1"), LS_COMPANY, 0, "-25",
     NULL},
    {"company", ROLLUP("sum", OF_WEB ",\"over\":{\"related\":\"primary_contacts\"}"), LS_COMPANY, 0,
     "35", "35 = sum of 2 primary contacts' web"},
    {"company", ROLLUP("sum", OF_WEB "," CONTACTS), LS_COMPANY, 1, "!0",
     "none of 1 contact has web; 1 out of scope"},
    {"company", ROLLUP("sum", OF_WEB "," CONTACTS), LS_COMPANY, 2, "!0", "no associated contact"},
    {"company", ROLLUP("sum", OF_WEB "," ONLY_CONTACT("c1")), LS_COMPANY, 0, "10", NULL},
    {"company", ROLLUP("sum", OF_WEB ",\"over\":{\"labelled\":\"BUYER\",\"related\":\"contacts\"}"),
     LS_COMPANY, 0, "10", "10 = sum of 1 contact labelled BUYER's web"},
    {"deal", ROLLUP("sum", OF_WEB "," CONTACTS), LS_DEAL, 0, "35", NULL},
    {"deal",
     ROLLUP("sum", OF_WEB ",\"over\":{\"labelled\":\"decision maker\",\"related\":\"contacts\"}"),
     LS_DEAL, 0, "10", NULL},
    /* of columns: exact decimals, rounded once */
    {"company", ROLLUP("sum", OF_POINTS "," CONTACTS), LS_COMPANY, 0, "3.6", NULL},
    {"company", ROLLUP("avg", OF_POINTS "," CONTACTS), LS_COMPANY, 0, "1.2", NULL},
    {"company", ROLLUP("avg", OF_POINTS "," CONTACTS ",\"weight\":0.1"), LS_COMPANY, 0, "0.12",
     NULL},
    {"company", ROLLUP("avg", OF_POINTS "," CONTACTS ",\"top\":2"), LS_COMPANY, 0, "1.75",
     "1.75 = average of the 2 largest of 3 contacts' points"},
    {"contact",
     ROLLUP("sum",
            "\"of\":{\"property\":\"company.revenue\"},\"over\":{\"related\":\"companies\"}"),
     LS_CONTACT, 2, "-0.75", NULL},
    {"contact",
     ROLLUP("sum", "\"of\":{\"property\":\"company.revenue\"},\"over\":{\"related\":\"company\"}"),
     LS_CONTACT, 2, "-2.25", NULL},
    /* event rules: per contact, then combined */
    {"company", CALLS("\"combine\":\"sum\",\"points\":4"), LS_COMPANY, 0, "12",
     "12 = sum over 3 contacts: 2 with call"},
    {"company", CALLS("\"combine\":\"avg\",\"points\":4"), LS_COMPANY, 0, "4", NULL},
    {"company", CALLS("\"combine\":\"avg\",\"points\":1,\"latest\":1"), LS_COMPANY, 0, "0.666667",
     NULL},
    {"company", CALLS("\"combine\":\"max\",\"points\":4"), LS_COMPANY, 0, "8", NULL},
    {"company", CALLS("\"combine\":\"min\",\"points\":4"), LS_COMPANY, 0, "0", NULL},
    {"company", CALLS("\"combine\":\"min\",\"points\":-4"), LS_COMPANY, 0, "-8", NULL},
    {"company", CALLS("\"combine\":\"sum\",\"times\":[{\"min\":2,\"points\":7}]"), LS_COMPANY, 0,
     "7", "7 = sum over 3 contacts: 1 with call; needs at least 2"},
    {"company", CALLS("\"combine\":\"sum\",\"times\":[{\"max\":0,\"min\":0,\"points\":7}]"),
     LS_COMPANY, 0, "7", NULL},
    {"company", CALLS("\"combine\":\"sum\",\"latest\":1,\"points\":4"), LS_COMPANY, 0, "8", NULL},
    {"company", CALLS("\"combine\":\"sum\",\"points\":4,\"limit\":{\"max\":5}"), LS_COMPANY, 0, "5",
     NULL},
    {"company",
     CALLS("\"combine\":\"sum\",\"decay\":{\"curve\":\"step\",\"every\":172800,\"percent\":50},"
           "\"points\":4"),
     LS_COMPANY, 0, "10", NULL},
    {"company", CALLS("\"combine\":\"sum\",\"points\":4"), LS_COMPANY, 1, "!0",
     "0 = sum over 1 contact: none with call"},
    {"company", CALLS("\"combine\":\"sum\",\"points\":4"), LS_COMPANY, 2, "!0", NULL},
    {"company", "{\"event\":[\"call\"]," ONLY_CONTACT("c2") ",\"combine\":\"sum\",\"points\":4}",
     LS_COMPANY, 0, "4", NULL},
    {"company", "{\"event\":[\"call\"]," ONLY_CONTACT("x") ",\"combine\":\"sum\",\"points\":4}",
     LS_COMPANY, 0, "!0", "none of 3 contacts holds: contact c1: id is c1: not x"},
    {"deal", CALLS("\"combine\":\"sum\",\"points\":4"), LS_DEAL, 0, "12", NULL},
    /* property rules */
    {"contact",
     "{\"combine\":\"sum\",\"over\":{\"related\":\"companies\"},\"property\":\"company.industry\","
     "\"points_by\":[{\"points\":6,\"value\":\"retail\"}]}",
     LS_CONTACT, 2, "6", "6 = sum over 2 companies: 1 with points for industry"},
    {"contact",
     "{\"combine\":\"avg\",\"over\":{\"related\":\"companies\"},\"property\":\"company.industry\","
     "\"points_by\":[{\"points\":6,\"value\":\"retail\"}]}",
     LS_CONTACT, 2, "3", NULL},
    {"deal",
     "{\"combine\":\"max\",\"over\":{\"related\":\"company\"},\"property\":\"company.revenue\","
     "\"bands\":[{\"if\":{\"tests\":[[\"at_least\",1]]},\"points\":9}]}",
     LS_DEAL, 0, "9", NULL},
    /* relation filters */
    {"company", WHEN("1", RELATED(BUYER)), LS_COMPANY, 0, "1",
     "1 of 3 contacts holds: contact c1: role is Buyer"},
    {"company", WHEN("1", RELATED(BUYER)), LS_COMPANY, 1, "!0",
     "none of 1 contact holds: contact c3: role is Lost: not buyer"},
    {"company", WHEN("1", "{\"none\":[" RELATED(BUYER) "]}"), LS_COMPANY, 1, "1", NULL},
    {"company", WHEN("1", "{\"none\":[" RELATED(BUYER) "]}"), LS_COMPANY, 2, "1", NULL},
    {"company",
     WHEN("1", "{\"none\":[" RELATED("\"filter\":" IS("contact.role", ANY_OF("x")) ",") "]}"),
     LS_COMPANY, 0, "!0", "none of 3 contacts holds, 1 is unknown: contact c2: role is unknown"},
    {"company", WHEN("1", RELATED("\"every\":true," HAS_ROLE)), LS_COMPANY, 0, "!0",
     "not all of 3 contacts hold: contact c2: role is unknown"},
    {"company", WHEN("1", RELATED("\"every\":true," HAS_ROLE)), LS_COMPANY, 1, "1",
     "all of 1 contact hold"},
    {"company", WHEN("1", RELATED("\"every\":true," HAS_ROLE)), LS_COMPANY, 2, "!0",
     "no associated contact"},
    {"company", WHEN("1", RELATED("\"count\":{\"min\":2}," HAS_ROLE)), LS_COMPANY, 0, "1",
     "2 of 3 contacts hold"},
    {"company", WHEN("1", RELATED("\"count\":{\"min\":3}," HAS_ROLE)), LS_COMPANY, 0, "!0",
     "2 of 3 contacts hold; needs at least 3"},
    {"company", WHEN("1", RELATED("\"count\":{\"max\":0,\"min\":0}," BUYER)), LS_COMPANY, 2, "1",
     NULL},
    {"company", WHEN("1", RELATED("\"labelled\":\"buyer\",")), LS_COMPANY, 0, "1",
     "1 contact labelled buyer"},
    {"company", WHEN("1", RELATED("\"labelled\":\"primary\",")), LS_COMPANY, 1, "1", NULL},
    {"company", WHEN("1", "{\"related\":\"deals\"}"), LS_COMPANY, 0, "1", "1 deal"},
    {"contact",
     WHEN("1", "{\"related\":\"company\",\"filter\":" IS("company.industry", ANY_OF("retail")) "}"),
     LS_CONTACT, 2, "!0", NULL},
    {"contact",
     WHEN("1",
          "{\"related\":\"companies\",\"filter\":" IS("company.industry", ANY_OF("retail")) "}"),
     LS_CONTACT, 2, "1", NULL},
    {"contact",
     WHEN("1", "{\"related\":\"company\",\"filter\":{\"list\":[\"vip\"],\"member\":true}}"),
     LS_CONTACT, 0, "1", NULL},
    {"contact",
     WHEN("1", "{\"related\":\"company\",\"filter\":{\"did\":{\"event\":[\"call\"],"
               "\"times\":[{\"min\":3}]},\"done\":true}}"),
     LS_CONTACT, 0, "1",
     "1 of 1 company holds: company a: did call (3 occurrences, latest 2025-05-31T00:00:00Z)"},
    {"company",
     WHEN("1", RELATED("\"filter\":{\"is\":{\"tests\":[[\"at_least\",20]]},\"part\":\"value\","
                       "\"score\":\"web\"},")),
     LS_COMPANY, 0, "1", "1 of 3 contacts holds: contact c2: score:web is 25: at least 20"},
    {"company", WHEN("1", "{\"did\":{\"event\":[\"call\"],\"times\":[{\"min\":3}]},\"done\":true}"),
     LS_COMPANY, 0, "1", "did call (3 occurrences, latest 2025-05-31T00:00:00Z)"},
    {"company",
     WHEN("1", "{\"did\":{\"event\":[\"call\"],\"times\":[{\"min\":4}]},\"done\":false}"),
     LS_COMPANY, 0, "1", NULL},
};

static void check_vector(world *world, const vector *vector)
{
    ls_score scores[MOST_SCORES];
    ls_clock clock = {AT, AT, AT, AT};
    char value[LS_POINTS_TEXT + 1] = "!", detail[2048];
    int status =
        ls_walk_record(world->walk, vector->of, vector->row, &clock, scores, &world->error);
    check(status == LS_OK, vector->rule, world->error.message);
    if (status != LS_OK) {
        return;
    }
    ls_print_points(scores[1].value, value + !scores[1].scored);
    snprintf(detail, sizeof detail, "expected %s, got %s", vector->value, value);
    check(strcmp(vector->value, value) == 0, vector->rule, detail);
    char *text = explain(world, vector->of, vector->row, AT);
    snprintf(detail, sizeof detail, "\"why\":\"%s\"", vector->why != NULL ? vector->why : "");
    check(vector->why == NULL || (text != NULL && strstr(text, detail) != NULL),
          vector->why != NULL ? vector->why : "", text != NULL ? text : "no text");
    free(text);
}

static void test_vectors(void)
{
    static text plan;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        const vector *vector = &vectors[i];
        world world;
        inputs inputs = {plan.data, people, accounts, opportunities, ties, doings, "id\na\n"};
        plan.length = 0;
        add(&plan,
            "{\"definitions\":[" SCORES ",{\"kind\":\"fit\",\"name\":\"total\",\"object\":\"%s\","
            "\"properties\":{" ALL_PROPERTIES "},\"groups\":[{\"kind\":\"fit\",\"name\":\"g\","
            "\"rules\":[%s]}]}],\"language\":1}",
            vector->object, vector->rule);
        int status = open_world(&world, NULL, &inputs);
        check(status == LS_OK, vector->rule, world.error.message);
        if (status == LS_OK) {
            check_vector(&world, vector);
        }
        close_world(&world);
    }
}

/* ---- down to the event ----------------------------------------------------------------------- */

#define EVENT_SCORE                                                                                \
    DEFINITION("web", "contact", "", "{\"event\":[\"call\"],\"points\":4,\"name\":\"calls\"}")

static void test_pass_through(void)
{
    world world;
    inputs inputs = {PLAN(EVENT_SCORE
                          "," DEFINITION("acc", "company", "", ROLLUP("sum", OF_WEB "," CONTACTS))),
                     people,
                     accounts,
                     opportunities,
                     ties,
                     doings,
                     ""};
    int status = open_world(&world, NULL, &inputs);
    check(status == LS_OK, "pass through", world.error.message);
    char *text = status == LS_OK ? explain(&world, LS_COMPANY, 0, AT) : NULL;
    static const char *const wanted[] = {
        "\"relation\":\"contacts\",\"rollup\":\"sum\",\"of\":\"score:web\",\"weight\":1,"
        "\"members\":[{\"id\":\"c1\",\"object\":\"contact\",\"raw\":8,\"value\":8,"
        "\"explanation\":{\"name\":\"web\",\"value\":8,",
        "\"occurrences\":[{\"at\":\"2025-05-30T00:00:00Z\",\"event\":\"call\",\"points\":4,"
        "\"value\":4},",
    };
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        check(text != NULL && strstr(text, wanted[i]) != NULL, wanted[i],
              text != NULL ? text : "no text");
    }
    free(text);
    close_world(&world);
}

/* ---- the largest sum, columns that are known, the deepest use -------------------------------- */

static void test_range(void)
{
    world world;
    ls_score scores[MOST_SCORES];
    ls_clock clock = {AT, AT, AT, AT};
    inputs inputs = {PLAN(DEFINITION("acc", "company", "", ROLLUP("sum", OF_POINTS "," CONTACTS))),
                     "id,points,company_id\nc1,600000000000,a\nc2,400000000000,a\nc3,1e-6,a\n",
                     accounts,
                     "",
                     "",
                     "",
                     ""};
    int status = open_world(&world, NULL, &inputs);
    status = status == LS_OK
                 ? ls_walk_record(world.walk, LS_COMPANY, 0, &clock, scores, &world.error)
                 : status;
    check(status == LS_ERROR_RANGE &&
              strcmp(world.error.message,
                     "company a: acc: groups[1].rules[1]: the sum passed 10^12 points") == 0,
          "range", world.error.message);
    close_world(&world);
    inputs.contacts = "id,points,company_id\nc1,600000000000,a\nc2,400000000000,a\nc3,4e-7,a\n";
    status = open_world(&world, NULL, &inputs);
    status = status == LS_OK
                 ? ls_walk_record(world.walk, LS_COMPANY, 0, &clock, scores, &world.error)
                 : status;
    check(status == LS_OK && scores[0].value == LS_MAX_SUM, "range", world.error.message);
    close_world(&world);
}

static void check_exact(double number, int64_t whole, int64_t fraction)
{
    char detail[128];
    ls_exact exact = ls_exact_of_number(number);
    snprintf(detail, sizeof detail, "%.17g: %lld and %lld", number, (long long)exact.whole,
             (long long)exact.fraction);
    check(exact.whole == whole && exact.fraction == fraction, "exact", detail);
}

static void test_exact(void)
{
    check_exact(0, 0, 0);
    check_exact(0.1, 0, INT64_C(100000000000));
    check_exact(-0.25, -1, INT64_C(750000000000));
    check_exact(1e15, INT64_C(1000000000000000), 0);
    check_exact(1e18, INT64_C(1000000000000000000), 0);
    check_exact(1.5e18, LS_EXACT_PAST + 1, INT64_C(150000000000000000));
    check_exact(-1e300, -LS_EXACT_PAST - 283, INT64_C(-100000000000000000));
    check_exact(1.7976931348623157e308, LS_EXACT_PAST + 291, INT64_C(179769313486231570));
    check_exact(1e-12, 0, 1);
    check_exact(5e-13, 0, 1);
    check_exact(-5e-13, -1, LS_EXACT_UNIT - 1);
    check_exact(4.9e-13, 0, 0);
    check_exact(1e-300, 0, 0);
    check_exact(0.9999999999999, 1, 0);
    check_exact(123456.789, 123456, INT64_C(789000000000));
    ls_total total = {0};
    int64_t out = 0;
    for (int i = 0; i < 3; i++) {
        ls_total_add(&total, (ls_exact){0, 500000}); /* half a millionth */
    }
    for (int i = 0; i < 4; i++) { /* they even each other out */
        const double far[] = {1.7976931348623157e308, -3e19, -1.7976931348623157e308, 3e19};
        ls_total_add(&total, ls_exact_of_number(far[i]));
        check(ls_total_points(&total, LS_SUM, LS_MILLION, &out) == (i == 3), "total", "far");
    }
    total.count -= 4;
    check(ls_total_points(&total, LS_SUM, LS_MILLION, &out) && out == 2, "total", "1.5");
    check(ls_total_points(&total, LS_SUM, -LS_MILLION, &out) && out == -2, "total", "-1.5");
    check(ls_total_points(&total, LS_AVG, LS_MILLION, &out) && out == 1, "total", "0.5");
    check(ls_total_points(&total, LS_AVG, -LS_MILLION, &out) && out == -1, "total", "-0.5");
    check(ls_total_points(&total, LS_COUNT, INT64_C(1000) * LS_MILLION, &out) &&
              out == INT64_C(3000) * LS_MILLION,
          "total", "count");
}

static void test_use(void)
{
    world world;
    ls_score scores[MOST_SCORES];
    ls_clock clock = {AT, AT, AT, AT};
    int64_t values[] = {7 * LS_MILLION, 8 * LS_MILLION, 9 * LS_MILLION};
    uint8_t flags[] = {LS_FLAG_IN_SCOPE, LS_FLAG_IN_SCOPE, LS_FLAG_WALK};
    uint8_t walked[] = {LS_FLAG_WALK, LS_FLAG_WALK, LS_FLAG_WALK};
    ls_score_column columns[] = {{.value = values, .flags = flags},
                                 {.value = values, .flags = walked}};
    inputs inputs = {PLAN(SCORES
                          "," DEFINITION("acc", "company", "", ROLLUP("sum", OF_WEB "," CONTACTS))),
                     people,
                     accounts,
                     opportunities,
                     ties,
                     doings,
                     ""};
    int status = open_world(&world, NULL, &inputs);
    if (status == LS_OK) {
        ls_walk_use(world.walk, columns, AT);
        status = ls_walk_record(world.walk, LS_COMPANY, 0, &clock, scores, &world.error);
        check(status == LS_OK && scores[1].value == 15 * LS_MILLION, "use", "columns");
        clock.at++;
        status = ls_walk_record(world.walk, LS_COMPANY, 0, &clock, scores, &world.error);
        check(status == LS_OK && scores[1].value == 35 * LS_MILLION, "use", "another instant");
        status = ls_walk_one(world.walk, 1, 0, &clock, scores, &world.error);
        check(status == LS_OK && scores[0].value == 35 * LS_MILLION, "use", "one");
    }
    check(status == LS_OK, "use", world.error.message);
    close_world(&world);
}

/* Contacts and companies in turn, each the sum of the one before. */
static void test_depth(int depth, bool fits)
{
    static text plan;
    world world;
    ls_score *scores = calloc((size_t)depth + 1, sizeof *scores);
    ls_clock clock = {AT, AT, AT, AT};
    plan.length = 0;
    add(&plan, "{\"definitions\":[");
    for (int i = 0; i < depth; i++) {
        bool contact = i % 2 == 0;
        add(&plan,
            "%s{\"kind\":\"fit\",\"name\":\"s%d\",\"object\":\"%s\",\"properties\":{},\"groups\":[{"
            "\"kind\":\"fit\",\"name\":\"g\",\"rules\":[{\"rollup\":\"%s\",",
            i ? "," : "", i, contact ? "contact" : "company", i ? "sum" : "count");
        if (i != 0) {
            add(&plan, "\"of\":{\"part\":\"value\",\"score\":\"s%d\"},", i - 1);
        }
        add(&plan, "\"over\":{\"related\":\"%s\"}}]}]}", contact ? "company" : "contacts");
    }
    add(&plan, "],\"language\":1}");
    inputs inputs = {plan.data, "id,company_id\nc,a\n", "id\na\n", "", "", "", ""};
    int status = open_world(&world, NULL, &inputs);
    check(status == LS_OK, "depth", world.error.message);
    if (status == LS_OK) {
        status = ls_walk_one(world.walk, (size_t)depth - 1, 0, &clock, scores, &world.error);
        check(fits ? status == LS_OK && scores[0].value == LS_MILLION
                   : status == LS_ERROR_DEFINITION,
              "depth", world.error.message);
        /* in the order of their uses, one at a time, any depth goes */
        status = ls_walk_record(world.walk, depth % 2 ? LS_CONTACT : LS_COMPANY, 0, &clock, scores,
                                &world.error);
        check(status == LS_OK && scores[depth - 1].value == LS_MILLION, "depth",
              world.error.message);
    }
    close_world(&world);
    free(scores);
}

/* ---- accounts of many people ----------------------------------------------------------------- */

#define MANY 200000
#define MANY_COMPANIES 5000

static double seconds_since(clock_t begun)
{
    return (double)(clock() - begun) / CLOCKS_PER_SEC;
}

/* The cost of a question about the company of all, and of one about the contact everywhere. */
static void ask_many(world *world, ls_object object, size_t definition, int64_t expected)
{
    ls_score scores[MOST_SCORES];
    ls_clock now = {AT, AT, AT, AT};
    bool known;
    int64_t at;
    char detail[256];
    clock_t begun = clock();
    int status = ls_walk_record(world->walk, object, 0, &now, scores, &world->error);
    double walked = seconds_since(begun);
    check(status == LS_OK && scores[definition].value == expected, "many", world->error.message);
    begun = clock();
    status = status == LS_OK ? ls_next_change(world->walk, object, 0, AT, definition, &known, &at,
                                              &world->error)
                             : status;
    double next = seconds_since(begun);
    check(status == LS_OK, "many", world->error.message);
    begun = clock();
    status = status == LS_OK ? ls_explain(world->plan, world->dataset, object, 0, AT, ignore, NULL,
                                          &world->error)
                             : status;
    double told = seconds_since(begun);
    check(status == LS_OK, "many", world->error.message);
    snprintf(detail, sizeof detail, "walk %.2f s, next change %.2f s, explanation %.2f s, %zu MB",
             walked, next, told, ls_context_peak(world->context) >> 20);
    check(walked < 10 && next < 20 && told < 30, "many", detail);
    fprintf(stderr, "many: %s\n", detail);
}

static void add_line(char *to, size_t *length, const char *format, ...) LS_PRINTF(3, 4);
static void add_line(char *to, size_t *length, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    *length += (size_t)vsnprintf(to + *length, 64, format, values);
    va_end(values);
}

static void test_many(void)
{
    size_t size = (size_t)MANY * 32, lengths[4] = {0, 0, 0, 0};
    char *files[4];
    world world;
    for (int i = 0; i < 4; i++) {
        files[i] = malloc(size);
    }
    add_line(files[0], &lengths[0], "id,company_id\n");
    add_line(files[1], &lengths[1], "id\n");
    add_line(files[2], &lengths[2], "from_object,from_id,to_object,to_id,label\n");
    add_line(files[3], &lengths[3], "contact_id,event,at\n");
    for (int i = 0; i < MANY; i++) {
        add_line(files[0], &lengths[0], "c%d,a0\n", i);
        add_line(files[3], &lengths[3], "c%d,call,%lld\n", i, (long long)AT - i);
    }
    for (int i = 0; i < MANY_COMPANIES; i++) {
        add_line(files[1], &lengths[1], "a%d\n", i);
        add_line(files[2], &lengths[2], "contact,c0,company,a%d,\n", i);
    }
    inputs inputs = {
        PLAN(DEFINITION("web", "contact", "",
                        "{\"event\":[\"call\"],\"points\":1,\"decay\":{\"curve\":\"step\","
                        "\"every\":1000000,\"percent\":50}}") "," //
             DEFINITION("acc", "company", "",
                        ROLLUP("sum", OF_WEB "," CONTACTS) "," ROLLUP(
                            "sum", OF_WEB
                            "," CONTACTS ",\"top\":3") "," CALLS("\"combine\":\"sum\",\"points\":"
                                                                 "2") "," WHEN("5",
                                                                               RELATED("\"filter\""
                                                                                       ":{\"is\":{"
                                                                                       "\"tests\":"
                                                                                       "[[\"at_"
                                                                                       "least\",1]"
                                                                                       "]},"
                                                                                       "\"part\":"
                                                                                       "\"value\","
                                                                                       "\"score\":"
                                                                                       "\"web\"}"
                                                                                       ","))) "," //
             DEFINITION("per", "contact", "",
                        ROLLUP("sum", "\"of\":{\"part\":\"value\",\"score\":\"acc\"},"
                                      "\"over\":{\"related\":\"companies\"}"))),
        files[0],
        files[1],
        "",
        files[2],
        files[3],
        ""};
    int64_t company = (3 * (int64_t)MANY + 3 + 5) * LS_MILLION; /* a0 */
    int64_t others = (int64_t)(MANY_COMPANIES - 1) * (1 + 1 + 2 + 5) * LS_MILLION;
    int status = open_world(&world, NULL, &inputs);
    check(status == LS_OK, "many", world.error.message);
    if (status == LS_OK) {
        ask_many(&world, LS_COMPANY, 1, company);
        ask_many(&world, LS_CONTACT, 2, company + others);
    }
    close_world(&world);
    for (int i = 0; i < 4; i++) {
        free(files[i]);
    }
}

int main(void)
{
    test_exact();
    test_vectors();
    test_pass_through();
    test_range();
    test_use();
    test_depth(LS_WALK_DEEPEST, true);
    test_depth(LS_WALK_DEEPEST + 1, false);
    test_many();
    fprintf(stderr, "%d checks, %d failed\n", checks, failures);
    return failures != 0;
}
