/* Made-up sets of definitions over contacts, companies and deals, and records for them, all of
 * which changes within some minutes of AT. */
#ifndef WALK_MADE_H
#define WALK_MADE_H

#include "faults.h"
#include "walk_world.h"

/* ---- made-up sets ---------------------------------------------------------------------------- */

/* A small generator of its own, so that a failure can be repeated. */
static uint64_t random_state;
static uint64_t next_random(void)
{
    uint64_t z = (random_state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}
static int pick(int count)
{
    return (int)(next_random() % (uint64_t)count);
}

static const char *const objects[] = {"contact", "company", "deal"};

/* What was made up so far. */
typedef struct made {
    int count;
    ls_object object[MOST_SCORES];
    bool bands[MOST_SCORES], combined[MOST_SCORES];
    bool curves; /* curves may occur */
} made;
static made made_up;

static const struct {
    ls_object from, to;
    const char *name;
} relations[] = {
    {LS_CONTACT, LS_COMPANY, "company"},
    {LS_CONTACT, LS_COMPANY, "companies"},
    {LS_CONTACT, LS_DEAL, "deals"},
    {LS_COMPANY, LS_CONTACT, "contacts"},
    {LS_COMPANY, LS_CONTACT, "primary_contacts"},
    {LS_COMPANY, LS_DEAL, "deals"},
    {LS_DEAL, LS_CONTACT, "contacts"},
    {LS_DEAL, LS_COMPANY, "company"},
};

static size_t pick_relation(ls_object from, bool contacts)
{
    for (;;) {
        size_t i = (size_t)pick((int)(sizeof relations / sizeof *relations));
        if (relations[i].from == from && (!contacts || relations[i].to == LS_CONTACT)) {
            return i;
        }
    }
}

/* An earlier definition of this object, or -1. */
static int pick_score(ls_object object)
{
    int first = pick(MOST_SCORES);
    for (int i = 0; i < MOST_SCORES; i++) {
        int score = (first + i) % MOST_SCORES;
        if (score < made_up.count && made_up.object[score] == object) {
            return score;
        }
    }
    return -1;
}

static void add_date_leaf(text *to, const char *owner)
{
    static const char *const operators[] = {"in_last", "more_than_ago", "in_next",
                                            "more_than_ahead"};
    add(to, "{\"is\":{%s\"tests\":[[\"%s\",%d]]},\"property\":\"%s.d\"}",
        pick(4) ? "" : "\"missing\":true,", operators[pick(4)], 1 + pick(60), owner);
}

static void add_number_leaf(text *to, ls_object owner)
{
    static const char *const operators[] = {"at_least", "more_than", "less_than", "at_most"};
    add(to, "{\"is\":{\"tests\":[[\"%s\",%d]]},\"property\":\"%s.n\"}", operators[pick(4)],
        pick(9) - 4, objects[owner]);
}

static void add_did(text *to)
{
    add(to, "{\"did\":{\"event\":[\"%c\"],\"times\":[{\"min\":%d}]", 'a' + pick(3), 1 + pick(3));
    if (pick(3)) {
        add(to, ",\"within\":{\"last\":%d}", 1 + pick(80));
    }
    add(to, "},\"done\":%s}", pick(2) ? "true" : "false");
}

static void add_score_leaf(text *to, int score)
{
    static const char *const operators[] = {"at_least", "more_than", "less_than", "at_most"};
    static const char *const parts[] = {"value", "fit", "engagement"};
    if (made_up.bands[score] && pick(3) == 0) {
        add(to,
            "{\"is\":{\"tests\":[[\"any_of\",\"%s\"]]},\"part\":\"label\",\"score\":"
            "\"s%d\"}",
            pick(2) ? "Hot" : "Warm", score);
    } else {
        add(to, "{\"is\":{\"tests\":[[\"%s\",%d]]},\"part\":\"%s\",\"score\":\"s%d\"}",
            operators[pick(4)], pick(30) - 5, parts[pick(4) ? 0 : pick(3)], score);
    }
}

static void add_filter(text *to, ls_object owner, int depth, bool relates);

static void add_labelled(text *to)
{
    if (pick(4) == 0) {
        add(to, "\"labelled\":\"%s\",", pick(2) ? "primary" : "BUYER");
    }
}

static void add_related(text *to, ls_object owner, int depth)
{
    size_t relation = pick_relation(owner, false);
    int kind = pick(3);
    add(to, "{");
    if (kind == 1) {
        add(to, "\"every\":true,");
    }
    if (kind == 2) {
        int min = pick(3);
        add(to, "\"count\":{\"max\":%d,\"min\":%d},", min + pick(3), min);
    }
    add_labelled(to);
    if (pick(6)) {
        add(to, "\"filter\":");
        add_filter(to, relations[relation].to, depth > 0 ? 1 : 0, false);
        add(to, ",");
    }
    add(to, "\"related\":\"%s\"}", relations[relation].name);
}

static void add_filter(text *to, ls_object owner, int depth, bool relates)
{
    static const char *const kinds[] = {"all", "any", "none"};
    int kind = pick(depth > 0 ? 7 : 6), score = pick_score(owner);
    if (kind == 6) {
        add(to, "{\"%s\":[", kinds[pick(3)]);
        add_filter(to, owner, depth - 1, relates);
        add(to, ",");
        add_filter(to, owner, depth - 1, relates);
        add(to, "]}");
    } else if (kind >= 4 && relates) {
        add_related(to, owner, depth);
    } else if (kind == 3 && score >= 0) {
        add_score_leaf(to, score);
    } else if (kind == 2) {
        add_did(to);
    } else if (kind == 1) {
        add_number_leaf(to, owner);
    } else if (pick(8) == 0) {
        add(to, "{\"list\":[\"vip\"],\"member\":%s}", pick(2) ? "true" : "false");
    } else {
        add_date_leaf(to, objects[owner]);
    }
}

static void add_decay(text *to)
{
    int kind = pick(made_up.curves ? 4 : 2);
    if (kind == 1) {
        add(to, "\"decay\":{\"curve\":\"step\",\"every\":%d,\"percent\":%d},", 1 + pick(40),
            10 + pick(90));
    } else if (kind == 2) {
        add(to, "\"decay\":{\"curve\":\"linear\",\"every\":%d,\"percent\":%d},", 1 + pick(90),
            10 + pick(90));
    } else if (kind == 3) {
        add(to, "\"decay\":{\"half_life\":%d},", 1 + pick(30));
    }
}

static void add_over(text *to, size_t relation)
{
    add(to, "\"over\":{");
    add_labelled(to);
    if (pick(3) == 0) {
        add(to, "\"where\":");
        add_filter(to, relations[relation].to, 1, false);
        add(to, ",");
    }
    add(to, "\"related\":\"%s\"},", relations[relation].name);
}

static const char *const functions[] = {"sum", "avg", "max", "min", "count"};

static void add_event_rule(text *to, ls_object object)
{
    add(to, "{");
    if (object != LS_CONTACT) {
        add(to, "\"combine\":\"%s\",", functions[pick(4)]);
        add_over(to, pick_relation(object, true));
    }
    add_decay(to);
    add(to, "\"event\":[\"%c\"],", 'a' + pick(3));
    if (pick(2)) {
        add(to, "\"within\":{\"last\":%d},", 1 + pick(90));
    }
    if (pick(4) == 0) {
        add(to, "\"where\":");
        add_date_leaf(to, "event");
        add(to, ",");
    }
    if (pick(5) == 0) {
        add(to, "\"once_per\":{\"property\":\"event.x\"},");
    }
    int kind = pick(5);
    if (kind == 0) {
        add(to, "\"times\":[{\"min\":%d,\"points\":%d},{\"max\":%d,\"min\":0,\"points\":%d}]",
            2 + pick(3), pick(20) - 5, pick(2), pick(9) - 4);
    } else if (kind == 1) {
        add(to,
            "\"property\":\"event.x\",\"points_by\":[{\"points\":%d,\"value\":\"p\"},{"
            "\"points\":%d,\"value\":\"q\"}]",
            pick(20) - 8, pick(20) - 8);
    } else if (kind == 2) {
        add(to, "\"latest\":%d,\"points\":%d", 1 + pick(3), pick(20) - 5);
    } else {
        add(to, "\"points\":%d", pick(20) - 6);
    }
}

static void add_property_rule(text *to, ls_object object)
{
    ls_object owner = object;
    add(to, "{");
    if (pick(2)) {
        size_t relation = pick_relation(object, false);
        owner = relations[relation].to;
        add(to, "\"combine\":\"%s\",", functions[pick(4)]);
        add_over(to, relation);
    }
    if (pick(2)) {
        add(to,
            "\"bands\":[{\"if\":{\"tests\":[[\"in_last\",%d]]},\"points\":%d},{\"if\":{"
            "\"tests\":[[\"in_next\",%d]]},\"points\":%d}],\"property\":\"%s.d\"%s",
            1 + pick(60), pick(9), 30 + pick(60), pick(9) - 4, objects[owner],
            pick(2) ? "" : ",\"otherwise\":1");
    } else {
        add(to,
            "\"points_by\":[{\"points\":%d,\"value\":1},{\"points\":%d,\"value\":-2.5}],"
            "\"property\":\"%s.n\",\"otherwise\":-1",
            pick(9), pick(9), objects[owner]);
    }
}

static void add_rollup(text *to, ls_object object)
{
    static const char *const parts[] = {"value", "fit", "engagement"};
    size_t relation = pick_relation(object, false);
    ls_object owner = relations[relation].to;
    int score = pick_score(owner), function = pick(5);
    add(to, "{");
    add_over(to, relation);
    if (score >= 0 && pick(4)) {
        add(to, "\"of\":{\"part\":\"%s\",\"score\":\"s%d\"},", parts[pick(4) ? 0 : pick(3)], score);
    } else if (function < 4 || pick(2)) {
        add(to, "\"of\":{\"property\":\"%s.n\"},", objects[owner]);
    }
    if (function == 4 && pick(2)) {
        add(to, "\"is\":{\"tests\":[[\"at_least\",%d]]},", pick(12) - 4);
    }
    if (function != 4 && pick(3) == 0) {
        add(to, "\"top\":%d,", 1 + pick(3));
    }
    if (pick(3) == 0) {
        add(to, "\"weight\":%s,", pick(2) ? "-0.333333" : "2.5");
    }
    add(to, "\"rollup\":\"%s\"", functions[function]);
}

static void add_rule(text *to, ls_object object)
{
    int kind = pick(8);
    if (kind < 3) {
        add_event_rule(to, object);
    } else if (kind < 5) {
        add_rollup(to, object);
    } else if (kind == 5) {
        add_property_rule(to, object);
    } else {
        add(to, "{\"points\":%d,\"when\":", pick(20) - 5);
        add_filter(to, object, 2, true);
    }
    if (pick(5) == 0) {
        add(to, ",\"limit\":{\"max\":%d}", pick(12));
    }
    add(to, "}");
}

static void add_group(text *to, ls_object object, bool fit)
{
    int rules = 1 + pick(3);
    add(to, "{\"kind\":\"%s\",", fit ? "fit" : "engagement");
    if (pick(3) == 0) {
        add(to, "\"limit\":{\"max\":%d,\"min\":%d},", pick(20), -pick(20));
    }
    add(to, "\"name\":\"g\",\"rules\":[");
    for (int i = 0; i < rules; i++) {
        add(to, i ? "," : "");
        add_rule(to, object);
    }
    add(to, "]}");
}

static void add_definition(text *to)
{
    int index = made_up.count;
    ls_object object = (ls_object)pick(3);
    bool fit = pick(2);
    add(to,
        "{\"kind\":\"combined\",\"name\":\"s%d\",\"object\":\"%s\",\"properties\":{"
        "\"company.d\":\"datetime\",\"company.n\":\"number\",\"contact.d\":\"datetime\","
        "\"contact.n\":\"number\",\"deal.d\":\"datetime\",\"deal.n\":\"number\","
        "\"event.d\":\"datetime\",\"event.x\":\"text\"},",
        index, objects[object]);
    if (pick(4) == 0) {
        add(to, "\"scope\":");
        add_filter(to, object, 1, true);
        add(to, ",");
    }
    if (pick(4) == 0) {
        add(to, "\"empty_until_scored\":true,");
    }
    if (pick(3) == 0) {
        add(to, "\"limit\":{\"max\":%d},", pick(30));
    }
    made_up.bands[index] = pick(2) != 0;
    if (made_up.bands[index]) {
        int warm = pick(16) - 4;
        add(to,
            "\"thresholds\":{\"bands\":[{\"at_least\":%d,\"label\":\"Hot\"},{\"at_least\":%d,"
            "\"label\":\"Warm\"},{\"label\":\"Cold\"}]},",
            warm + 1 + pick(15), warm);
    }
    add(to, "\"groups\":[");
    add_group(to, object, false);
    add(to, ",");
    add_group(to, object, fit);
    add(to, "]}");
    made_up.object[index] = object;
    made_up.combined[index] = fit;
    made_up.count++;
}

/* ---- made-up records ------------------------------------------------------------------------- */

static const int rows_of[] = {5, 3, 2};

static void add_records(text *to, ls_object object)
{
    static const char *const numbers[] = {"", "1", "-2.5", "0.1", "3.000001", "1e-7", "12.3456789"};
    to->length = 0;
    add(to, "id,d,n%s\n", object == LS_COMPANY ? "" : ",company_id");
    for (int i = 0; i < rows_of[object]; i++) {
        add(to, "%d,", i);
        if (pick(3)) {
            add(to, "%lld", (long long)AT - 60 + pick(120));
        }
        add(to, ",%s", numbers[pick(7)]);
        if (object != LS_COMPANY) {
            add(to, pick(3) ? ",%d" : ",", pick(rows_of[LS_COMPANY]));
        }
        add(to, "\n");
    }
}

static void add_associations(text *to)
{
    to->length = 0;
    add(to, "from_object,from_id,to_object,to_id,label\n");
    for (int i = pick(14); i > 0; i--) {
        int from = pick(3), other = (from + 1 + pick(2)) % 3;
        add(to, "%s,%d,%s,%d,%s\n", objects[from], pick(rows_of[from]), objects[other],
            pick(rows_of[other]), pick(2) ? "Buyer" : "");
    }
}

static void add_events(text *to)
{
    to->length = 0;
    add(to, "contact_id,event,at,d,x\n");
    for (int i = pick(2) ? pick(20) : pick(60); i > 0; i--) {
        add(to, "%d,%c,%lld,%lld,%s\n", pick(rows_of[LS_CONTACT]), 'a' + pick(3),
            (long long)AT + 5 - pick(90), (long long)AT - 60 + pick(120),
            pick(3) == 0 ? ""
            : pick(2)    ? "p"
                         : "q");
    }
}

typedef struct made_world {
    text plan, contacts, companies, deals, associations, events;
} made_world;
static made_world material;

static inputs make_up(uint64_t seed)
{
    random_state = seed;
    memset(&made_up, 0, sizeof made_up);
    made_up.curves = pick(2);
    material.plan.length = 0;
    add(&material.plan, "{\"definitions\":[");
    for (int count = 1 + pick(5); count > 0; count--) {
        add_definition(&material.plan);
        add(&material.plan, count > 1 ? "," : "");
    }
    add(&material.plan, "],\"language\":1}");
    add_records(&material.contacts, LS_CONTACT);
    add_records(&material.companies, LS_COMPANY);
    add_records(&material.deals, LS_DEAL);
    add_associations(&material.associations);
    add_events(&material.events);
    return (inputs){material.plan.data,  material.contacts.data,     material.companies.data,
                    material.deals.data, material.associations.data, material.events.data,
                    "id\n0\n2\n"};
}

static bool differs(const ls_score *a, const ls_score *b)
{
    return a->in_scope != b->in_scope || a->empty != b->empty ||
           (a->label == NULL) != (b->label == NULL) ||
           (a->label != NULL && strcmp(a->label, b->label) != 0);
}

#endif
