/* Reading and grouping, over readers in memory: rows of CSV and NDJSON, ids, times, refused rows
 * and cells, lists, gzip, limits, every budget of steps, and the failure of every allocation. Exits
 * 1 if a check fails. */
#include "faults.h"
#include "ls_dataset.h"
#include "ls_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

static int failures;

#define CHECK(condition) check((condition), #condition, __LINE__)
static void check(bool holds, const char *what, int line)
{
    if (holds)
        return;
    failures++;
    fprintf(stderr, "%s:%d: %s\n", __FILE__, line, what);
}

#define CHECK_TEXT(got, wanted) check_text((got), (wanted), __LINE__)
static void check_text(const char *got, const char *wanted, int line)
{
    if (strcmp(got, wanted) == 0)
        return;
    failures++;
    fprintf(stderr, "%s:%d: expected <%s>\n%*s got <%s>\n", __FILE__, line, wanted, 20, "", got);
}

/* ---- readers and writers in memory ----------------------------------------------------------- */

typedef struct memory_file {
    const char *text;
    size_t length, at, step; /* at most `step` bytes a read; 0: all */
} memory_file;

static int64_t read_memory(void *user, char *buffer, size_t size)
{
    memory_file *file = user;
    size_t count = file->length - file->at;
    if (count > size)
        count = size;
    if (file->step != 0 && count > file->step)
        count = file->step;
    if (count != 0)
        memcpy(buffer, file->text + file->at, count);
    file->at += count;
    return (int64_t)count;
}

static int64_t read_failing(void *user, char *buffer, size_t size)
{
    (void)user;
    (void)buffer;
    (void)size;
    return -1;
}

typedef struct memory_out {
    char text[16384];
    size_t length;
} memory_out;

static int write_memory(void *user, const char *bytes, size_t size)
{
    memory_out *out = user;
    if (size > sizeof out->text - 1 - out->length)
        return -1;
    memcpy(out->text + out->length, bytes, size);
    out->length += size;
    out->text[out->length] = '\0';
    return 0;
}

static int write_nothing(void *user, const char *bytes, size_t size)
{
    (void)user;
    (void)bytes;
    (void)size;
    return 0;
}

static int write_failing(void *user, const char *bytes, size_t size)
{
    (void)user;
    (void)bytes;
    (void)size;
    return -1;
}

/* ---- a dataset to test ----------------------------------------------------------------------- */

typedef struct test_data {
    ls_context *context;
    ls_dataset *dataset;
    ls_error error;
    memory_out rejects;
    bool lenient;
    size_t step;     /* bytes a read */
    uint64_t budget; /* of a step */
} test_data;

static const ls_property wanted_properties[] = {
    {LS_CONTACT, LS_NUMBER, {"employees", 9}}, {LS_CONTACT, LS_TEXT, {"country", 7}},
    {LS_CONTACT, LS_DATETIME, {"created", 7}}, {LS_CONTACT, LS_BOOLEAN, {"active", 6}},
    {LS_CONTACT, LS_SET, {"tags", 4}},         {LS_EVENT, LS_NUMBER, {"amount", 6}},
    {LS_EVENT, LS_TEXT, {"url", 3}},
};

static void expect_properties(test_data *data)
{
    ls_definition definition = {0};
    ls_plan plan = {0};
    definition.properties = (ls_property *)(uintptr_t)wanted_properties;
    definition.property_count = sizeof wanted_properties / sizeof wanted_properties[0];
    plan.definitions = &definition;
    plan.count = 1;
    CHECK(ls_dataset_expect(data->dataset, &plan, &data->error) == LS_OK);
}

static void open_data(test_data *data)
{
    memset(data, 0, sizeof *data);
    CHECK(ls_context_new(NULL, 0, &data->context) == LS_OK);
    CHECK(ls_dataset_new(data->context, &data->dataset, &data->error) == LS_OK);
}

static void close_data(test_data *data)
{
    ls_context *base;
    CHECK(ls_context_new(NULL, 0, &base) == LS_OK);
    ls_dataset_close(data->dataset);
    CHECK(ls_context_memory(data->context) == ls_context_memory(base));
    ls_context_close(base);
    ls_context_close(data->context);
}

static int run_job(test_data *data, ls_job *job)
{
    int status;
    do {
        status = ls_job_step(job, data->budget, &data->error);
    } while (status == LS_MORE);
    ls_job_close(job);
    return status;
}

static int read_options(test_data *data, ls_input_options options, const char *text, size_t length)
{
    memory_file file = {text, length, 0, data->step};
    ls_job *job;
    memset(&data->error, 0, sizeof data->error);
    if (options.path == NULL && options.reader == NULL) {
        options.reader = read_memory;
        options.reader_user = &file;
    }
    if (data->lenient) {
        options.rejects = write_memory;
        options.rejects_user = &data->rejects;
    }
    int status = ls_dataset_read(data->dataset, &options, &job, &data->error);
    return status == LS_OK ? run_job(data, job) : status;
}

static const char *const file_names[] = {"contacts.csv", "companies.csv", "deals.csv",
                                         "events.csv",   "links.csv",     "list.csv"};

static int read_text(test_data *data, ls_input input, const char *text)
{
    ls_input_options options = {.input = input, .name = file_names[input], .list = "vip"};
    return read_options(data, options, text, strlen(text));
}

static int read_lines(test_data *data, ls_input input, const char *text)
{
    ls_input_options options = {
        .input = input, .name = "lines.ndjson", .list = "vip", .format = LS_FORMAT_NDJSON};
    return read_options(data, options, text, strlen(text));
}

static int group_on(test_data *data, unsigned threads)
{
    ls_job *job;
    int status = ls_dataset_group(data->dataset, threads, &job, &data->error);
    return status == LS_OK ? run_job(data, job) : status;
}

static int group(test_data *data)
{
    return group_on(data, 1);
}

/* ---- what a dataset holds, as text ----------------------------------------------------------- */

static void add(memory_out *out, const char *text, size_t length)
{
    CHECK(write_memory(out, text, length) == 0);
}

static void add_code(memory_out *out, const ls_column *column, size_t row)
{
    uint32_t code = ls_column_code(column, row);
    ls_string text = ls_dictionary_text(&column->dictionary, code);
    add(out, text.text, text.length);
    if (ls_column_unreadable(column, code))
        add(out, "?", 1);
}

/* "id|cell|cell\n" a row, kept columns only */
static const char *show_table(const test_data *data, ls_object object, memory_out *out)
{
    const ls_table *table = &data->dataset->tables[object];
    out->length = 0;
    out->text[0] = '\0';
    for (size_t row = 0; row < table->count; row++) {
        size_t length;
        const char *id = ls_dataset_id(data->dataset, object, row, &length);
        add(out, id, length);
        for (size_t i = 0; i < table->column_count; i++) {
            if (!table->columns[i].kept)
                continue;
            CHECK(table->columns[i].count == table->count);
            add(out, "|", 1);
            add_code(out, &table->columns[i], row);
        }
        add(out, "\n", 1);
    }
    return out->text;
}

/* "contact:event@time|cell\n" an event */
static const char *show_events(const test_data *data, memory_out *out)
{
    const ls_events *events = &data->dataset->events;
    out->length = 0;
    out->text[0] = '\0';
    for (size_t row = 0; row < data->dataset->tables[LS_CONTACT].count; row++) {
        for (size_t i = (size_t)events->first[row]; i < events->first[row + 1]; i++) {
            size_t length;
            char time[32];
            const char *id = ls_dataset_id(data->dataset, LS_CONTACT, row, &length);
            add(out, id, length);
            add(out, ":", 1);
            add_code(out, &events->event, i);
            snprintf(time, sizeof time, "@%lld", (long long)ls_event_time(events, i));
            add(out, time, strlen(time));
            for (size_t c = 0; c < events->column_count; c++) {
                if (!events->columns[c].kept)
                    continue;
                add(out, "|", 1);
                add_code(out, &events->columns[c], i);
            }
            add(out, "\n", 1);
        }
    }
    return out->text;
}

static memory_out shown;

/* ---- CSV ------------------------------------------------------------------------------------- */

static const struct {
    const char *name, *file, *rows;
} csv_cases[] = {
    {"plain", "id,a,b\n1,x,y\n2,,z\n", "1|x|y\n2||z\n"},
    {"no last line end", "id,a\n1,x", "1|x\n"},
    {"CR LF", "id,a\r\n1,x\r\n2,y\r\n", "1|x\n2|y\n"},
    {"CR LF, no last line end", "id,a\r\n1,x\r\n2,y", "1|x\n2|y\n"},
    {"byte-order mark", "\xef\xbb\xbfid,a\n1,x\n", "1|x\n"},
    {"byte-order mark, quoted", "\xef\xbb\xbf\"id\",a\n1,x\n", "1|x\n"},
    {"quotes", "id,a\n1,\"x,y\"\n2,\"say \"\"hi\"\"\"\n3,\"\"\n", "1|x,y\n2|say \"hi\"\n3|\n"},
    {"all quoted", "\"id\",\"a\"\r\n\"1\",\"x\"\r\n\"2\",\"y\"", "1|x\n2|y\n"},
    {"newlines inside", "id,a,b\n1,\"x\ny\r\nz\",w\n2,b,c\n", "1|x\ny\r\nz|w\n2|b|c\n"},
    {"doubled quotes only", "id,a\n1,\"\"\"\"\n2,\"\"\"\"\"\"\n", "1|\"\n2|\"\"\n"},
    {"a quote inside", "id,a\n1,5\" tall\n2, \"x\"\n", "1|5\" tall\n2|\"x\"\n"},
    {"a lone CR is data", "id,a\n1,x\ry\n2,z\n", "1|x\ry\n2|z\n"},
    {"trimmed", "id , a\n 1 ,\t x y \t\n2,\" z \r\n\"\n", "1|x y\n2|z\n"},
    {"blank lines", "\n\r\nid,a\n\n1,x\n\r\n\n2,y\n\n", "1|x\n2|y\n"},
    {"one column", "id\n1\n\n2\n", "1\n2\n"},
    {"id is not first", "a,id\nx,1\n", "1|x\n"},
    {"unnamed columns", "id,,a,\n1,p,x,q\n", "1|x\n"},
    {"header only", "id,a", ""},
    {"bytes are kept", "id,a\n\xff\xfe,\xc3\xa9\n", "\xff\xfe|\xc3\xa9\n"},
    {"ids are text", "id,a\n007,x\n7,y\n07,z\n+7,w\n", "007|x\n7|y\n07|z\n+7|w\n"},
};

static void test_csv(void)
{
    for (size_t i = 0; i < sizeof csv_cases / sizeof csv_cases[0]; i++) {
        for (size_t step = 0; step < 4; step++) {
            test_data data;
            int before = failures;
            open_data(&data);
            data.step = step;
            data.budget = step;
            CHECK(read_text(&data, LS_INPUT_CONTACTS, csv_cases[i].file) == LS_OK);
            CHECK_TEXT(data.error.message, "");
            CHECK_TEXT(show_table(&data, LS_CONTACT, &shown), csv_cases[i].rows);
            close_data(&data);
            if (failures != before)
                fprintf(stderr, "in \"%s\", reads of %zu\n", csv_cases[i].name, step);
        }
    }
}

static void test_delimiters(void)
{
    static const char delimiters[] = {';', '\t', '|', '\1'};
    for (size_t i = 0; i < sizeof delimiters; i++) {
        test_data data;
        char text[] = "id;a\n1;\"x;,\"\n2;y,z\n", rows[] = "1|x;,\n2|y,z\n";
        ls_input_options options = {.input = LS_INPUT_CONTACTS,
                                    .name = "c",
                                    .delimiter = delimiters[i]};
        for (char *c = text; *c != '\0'; c++)
            *c = *c == ';' ? delimiters[i] : *c;
        rows[3] = delimiters[i];
        open_data(&data);
        CHECK(read_options(&data, options, text, strlen(text)) == LS_OK);
        CHECK_TEXT(show_table(&data, LS_CONTACT, &shown), rows);
        options.delimiter = '"';
        CHECK(read_options(&data, options, text, strlen(text)) == LS_ERROR_USAGE);
        close_data(&data);
    }
}

/* Every length of field and row across the scanner's steps of 64 bytes. */
static void test_alignment(void)
{
    static char text[40000], rows[40000];
    for (size_t width = 0; width < 140; width++) {
        size_t length = (size_t)sprintf(text, "id,a,b\n"), row_length = 0;
        for (int row = 0; row < 40; row++) {
            bool quoted = row % 7 == 3;
            char cell[160];
            memset(cell, 'a' + row % 26, width);
            cell[width] = '\0';
            length +=
                (size_t)sprintf(text + length, quoted ? "%d,\"%s\",z\n" : "%d,%s,z\n", row, cell);
            row_length += (size_t)sprintf(rows + row_length, "%d|%s|z\n", row, cell);
        }
        test_data data;
        open_data(&data);
        CHECK(read_text(&data, LS_INPUT_CONTACTS, text) == LS_OK);
        CHECK_TEXT(show_table(&data, LS_CONTACT, &shown), rows);
        close_data(&data);
    }
}

/* ---- errors ---------------------------------------------------------------------------------- */

static const struct {
    ls_input input;
    const char *file, *message;
} error_cases[] = {
    {LS_INPUT_CONTACTS, "",
     "contacts.csv:1: expected a header row that names the columns, got an empty file"},
    {LS_INPUT_CONTACTS, ",,\n1,2,3\n",
     "contacts.csv:1: expected a header row that names the columns, got empty names"},
    {LS_INPUT_CONTACTS, "ID,a\n1,2\n",
     "contacts.csv:1: expected a column \"id\", got none (nearest: \"ID\")"},
    {LS_INPUT_CONTACTS, "number,a\n1,2\n",
     "contacts.csv:1: expected a column \"id\", got \"number\" and others"},
    {LS_INPUT_EVENTS, "contactid,event,at\n",
     "events.csv:1: expected a column \"contact_id\", got none (nearest: \"contactid\")"},
    {LS_INPUT_EVENTS, "contact_id,event,x\n",
     "events.csv:1: expected a column \"at\", got \"contact_id\" and others"},
    {LS_INPUT_CONTACTS, "id,a,b,a\n",
     "contacts.csv:1: expected each column once, got \"a\" as fields 2 and 4"},
    {LS_INPUT_CONTACTS, "\n\nid,\"a\n",
     "contacts.csv:3:2: expected the quote that opens here to be closed, got no end"},
    {LS_INPUT_CONTACTS, "id,a\n1\n", "contacts.csv:2: expected 2 fields, got 1"},
    {LS_INPUT_CONTACTS, "id,a\n1,\"x\ny\"\n2,x,y\n", "contacts.csv:4: expected 2 fields, got 3"},
    {LS_INPUT_CONTACTS, "id,a,b\n1,\"x\ny\",\"z\n2,x,y\n",
     "contacts.csv:3:3: expected the quote that opens here to be closed, got no end"},
    {LS_INPUT_CONTACTS, "id,a\n1,\"x\"y\n",
     "contacts.csv:2:2: expected a delimiter after the closing quote, got more text"},
    {LS_INPUT_CONTACTS, "id,a\n1,\"x\"\r\r\n",
     "contacts.csv:2:2: expected a delimiter after the closing quote, got more text"},
    {LS_INPUT_CONTACTS, "id,a\n1,x\n,y\n", "contacts.csv:3:1: id: expected an id, got nothing"},
    {LS_INPUT_CONTACTS, "id,a\n1,x\n 1 ,y\n",
     "contacts.csv:3:1: id: expected each id once, got \"1\" again (first: contacts.csv:2)"},
    {LS_INPUT_CONTACTS, "id,employees\n1,5\n2,many\n",
     "contacts.csv:3:2: employees: cannot read \"many\" as a number (expected digits such as 1234 "
     "or 12.5)"},
    {LS_INPUT_EVENTS, "contact_id,event,at\n1,a,1\n1,b,31/01/2025\n",
     "events.csv:3:3: at: cannot read \"31/01/2025\" as a time (expected 2025-01-31, "
     "2025-01-31T09:30:00Z or seconds since 1970)"},
    {LS_INPUT_EVENTS, "contact_id,event,at\n1,,1\n",
     "events.csv:2:2: event: expected a name, got nothing"},
    {LS_INPUT_EVENTS, "contact_id,event,at\n ,a,1\n",
     "events.csv:2:1: contact_id: expected an id, got nothing"},
    {LS_INPUT_EVENTS, "contact_id,event,at\n1,a,\n",
     "events.csv:2:3: at: expected a time, got nothing"},
    {LS_INPUT_EVENTS, "contact_id,event,at\n1,a,2025-02-30 00:00:00\n",
     "events.csv:2:3: at: cannot read \"2025-02-30 00:00:00\" as a time (expected 2025-01-31, "
     "2025-01-31T09:30:00Z or seconds since 1970)"},
    {LS_INPUT_EVENTS,
     "contact_id,event,at\n1,a,"
     "0123456789012345678901234567890123456789012345678901234567\xc3\xa9\xc3\xa9\xc3\xa9\n",
     "events.csv:2:3: at: cannot read \"0123456789012345678901234567890123456789012345678901234567"
     "\xc3\xa9...\" as a time (expected 2025-01-31, 2025-01-31T09:30:00Z or seconds since 1970)"},
    {LS_INPUT_EVENTS, "contact_id,event,at,amount\n1,a,1,x\n",
     "events.csv:2:4: amount: cannot read \"x\" as a number (expected digits such as 1234 or "
     "12.5)"},
    {LS_INPUT_LIST, "id\n1\n\" \"\n", "list.csv:3:1: id: expected an id, got nothing"},
};

static void test_errors(void)
{
    for (size_t i = 0; i < sizeof error_cases / sizeof error_cases[0]; i++) {
        for (size_t step = 0; step < 2; step++) {
            test_data data;
            open_data(&data);
            expect_properties(&data);
            data.step = step;
            if (error_cases[i].input != LS_INPUT_CONTACTS)
                CHECK(read_text(&data, LS_INPUT_CONTACTS, "id\n1\n") == LS_OK);
            CHECK(read_text(&data, error_cases[i].input, error_cases[i].file) == LS_ERROR_INPUT);
            CHECK_TEXT(data.error.message, error_cases[i].message);
            CHECK(group(&data) == LS_ERROR_USAGE);
            CHECK(read_text(&data, LS_INPUT_DEALS, "id\n") == LS_ERROR_USAGE);
            close_data(&data);
        }
    }
}

static void test_nul(void)
{
    static const char plain[] = "id,a\n1,x\n2,x\0y\n3,z\n", quoted[] = "id,a\n1,\"x\n\0\"\n3,z\n";
    ls_input_options options = {.input = LS_INPUT_CONTACTS, .name = "c"};
    test_data data;
    open_data(&data);
    CHECK(read_options(&data, options, plain, sizeof plain - 1) == LS_ERROR_INPUT);
    CHECK_TEXT(data.error.message, "c:3:2: expected text, got a NUL byte");
    close_data(&data);
    open_data(&data);
    data.lenient = true;
    CHECK(read_options(&data, options, plain, sizeof plain - 1) == LS_OK);
    CHECK(read_options(&data, options, quoted, sizeof quoted - 1) == LS_OK);
    CHECK_TEXT(show_table(&data, LS_CONTACT, &shown), "1|x\n3|z\n");
    CHECK(data.dataset->counts.rejected_rows == 3); /* the last one's 3 is repeated */
    close_data(&data);
}

static void test_io(void)
{
    ls_input_options options = {.input = LS_INPUT_CONTACTS, .name = "c", .path = "/no/such/file"};
    test_data data;
    open_data(&data);
    CHECK(read_options(&data, options, "", 0) == LS_ERROR_IO);
    CHECK_TEXT(data.error.message, "c: cannot open it: there is no such file");
    options.path = "/";
    CHECK(read_options(&data, options, "", 0) == LS_ERROR_IO);
    CHECK_TEXT(data.error.message, "c: cannot read it: it is a folder");
    options.path = NULL;
    options.reader = read_failing;
    CHECK(read_options(&data, options, "", 0) == LS_ERROR_IO);
    CHECK_TEXT(data.error.message, "c: reading failed");
    close_data(&data);
    open_data(&data);
    memory_file file = {"id\n1,2\n", 7, 0, 0};
    ls_input_options failing = {.input = LS_INPUT_CONTACTS,
                                .name = "c",
                                .reader = read_memory,
                                .reader_user = &file,
                                .rejects = write_failing};
    CHECK(read_options(&data, failing, "", 0) == LS_ERROR_IO);
    CHECK_TEXT(data.error.message, "c:2: the rejects cannot be written");
    close_data(&data);
}

/* ---- rejects --------------------------------------------------------------------------------- */

static void test_rejects(void)
{
    test_data data;
    open_data(&data);
    expect_properties(&data);
    data.lenient = true;
    CHECK(read_text(
              &data, LS_INPUT_CONTACTS,
              "id,employees,country\n1,many,SE\n2,5,DK\n2,6,NO\n3,many,FI\n4,7\n5,\"8\",\"a\"b\n"
              "6,9,\"open\n7,,\n") == LS_OK);
    CHECK_TEXT(show_table(&data, LS_CONTACT, &shown), "1|many?|SE\n2|5|DK\n3|many?|FI\n7||\n");
    CHECK_TEXT(data.rejects.text, "file,line,field,reason,row\n"
                                  "contacts.csv,2,2,\"employees: cannot read \"\"many\"\" as a "
                                  "number (expected digits such as 1234 or "
                                  "12.5)\",\"1,many,SE\"\n"
                                  "contacts.csv,4,1,\"id: expected each id once, got \"\"2\"\" "
                                  "again (first: contacts.csv:3)\",\"2,6,NO\"\n"
                                  "contacts.csv,5,2,\"employees: cannot read \"\"many\"\" as a "
                                  "number (expected digits such as 1234 or "
                                  "12.5)\",\"3,many,FI\"\n"
                                  "contacts.csv,6,,\"expected 3 fields, got 2\",\"4,7\"\n"
                                  "contacts.csv,7,3,\"expected a delimiter after the closing "
                                  "quote, got more text\",\"5,\"\"8\"\",\"\"a\"\"b\"\n"
                                  "contacts.csv,8,3,\"expected the quote that opens here to be "
                                  "closed, got no end\",\"6,9,\"\"open\"\n");
    CHECK(data.dataset->counts.rejected_rows == 4 && data.dataset->counts.rejected_cells == 2);
    data.rejects.length = 0;
    data.rejects.text[0] = '\0';
    CHECK(read_text(&data, LS_INPUT_EVENTS,
                    "contact_id,event,at,amount,url\n1,a,1000000000,x,/u\n9,a,1000000001,y,/"
                    "v\n2,a,bad,1,/w\n"
                    "2,b,1000000002,1e3,/x\n1,,1000000003,1,\n\n7,c,1000000004,x,\n") == LS_OK);
    CHECK_TEXT(data.rejects.text,
               "events.csv,2,4,\"amount: cannot read \"\"x\"\" as a number (expected digits such "
               "as 1234 or "
               "12.5)\",\"1,a,1000000000,x,/u\"\n"
               "events.csv,4,3,\"at: cannot read \"\"bad\"\" as a time (expected 2025-01-31, "
               "2025-01-31T09:30:00Z or seconds since 1970)\",\"2,a,bad,1,/w\"\n"
               "events.csv,6,2,\"event: expected a name, got nothing\",\"1,,1000000003,1,\"\n"
               "events.csv,8,4,\"amount: cannot read \"\"x\"\" as a number (expected digits such "
               "as 1234 or "
               "12.5)\",\"7,c,1000000004,x,\"\n");
    CHECK(group(&data) == LS_OK);
    CHECK_TEXT(show_events(&data, &shown),
               "1:a@1000000000|x?|/u\n2:b@1000000002|1e3|/x\n7:c@1000000004|x?|\n");
    CHECK(data.dataset->counts.events == 3 && data.dataset->counts.unknown_contact == 1);
    CHECK(data.dataset->counts.rejected_rows == 6 && data.dataset->counts.rejected_cells == 4);
    CHECK(data.dataset->lenient);
    close_data(&data);
}

/* A stray quote costs its own line only, wherever the next quote is. */
static void test_stray_quote(void)
{
    static char text[200000];
    size_t length = (size_t)sprintf(text, "id,country\n");
    for (int i = 0; i < 10000; i++)
        length += (size_t)sprintf(text + length, i == 10 || i == 9000 ? "%d,\"x\n" : "%d,y\n", i);
    test_data data;
    open_data(&data);
    data.lenient = true;
    CHECK(read_text(&data, LS_INPUT_CONTACTS, text) == LS_OK);
    /* From line 12 to line 9002 the two quotes make a field, which is followed by text. */
    CHECK(data.dataset->tables[LS_CONTACT].count == 9998);
    CHECK(data.dataset->counts.rejected_rows == 2);
    CHECK(strstr(data.rejects.text, "contacts.csv,12,2,") != NULL);
    CHECK(strstr(data.rejects.text, "contacts.csv,9002,2,") != NULL);
    close_data(&data);
}

/* A cell that nobody expected fails when somebody asks. */
static void test_bad_cell_later(void)
{
    test_data data;
    open_data(&data);
    CHECK(read_text(&data, LS_INPUT_CONTACTS, "id,employees\n1,5\n2,\"a\nb\"\n3,many\n4,many\n") ==
          LS_OK);
    const ls_column *column =
        ls_dataset_property(data.dataset, LS_CONTACT, (ls_string){"employees", 9});
    ls_place place = {0, 0, 0};
    CHECK(column != NULL && ls_column_place(column, 3, &place) && place.line == 5 &&
          place.field == 2);
    CHECK(ls_dataset_bad_cell(data.dataset, column, 3, LS_NUMBER, &data.error) == LS_ERROR_INPUT);
    CHECK_TEXT(data.error.message, "contacts.csv:5:2: employees: cannot read \"many\" as a number "
                                   "(expected digits such as 1234 or 12.5)");
    CHECK(data.error.line == 5 && data.error.column == 2);
    ls_dataset_bad_cell(data.dataset, column, 3, LS_BOOLEAN, &data.error);
    CHECK_TEXT(data.error.message,
               "contacts.csv:5:2: employees: cannot read \"many\" as true or false "
               "(expected true, false, yes, no, 1 or 0)");
    close_data(&data);
}

/* ---- columns --------------------------------------------------------------------------------- */

static void test_several_files(void)
{
    test_data data;
    open_data(&data);
    CHECK(read_text(&data, LS_INPUT_CONTACTS, "id,a,b\n1,x,y\n2,p,q\n") == LS_OK);
    CHECK(read_text(&data, LS_INPUT_CONTACTS, "c,id,a\nz,3,w\n") == LS_OK);
    CHECK_TEXT(show_table(&data, LS_CONTACT, &shown), "1|x|y|\n2|p|q|\n3|w||z\n");
    CHECK(read_text(&data, LS_INPUT_COMPANIES, "id,name\n1,Acme\n") == LS_OK);
    CHECK(read_text(&data, LS_INPUT_DEALS, "id,amount\nd1,5\n") == LS_OK);
    CHECK_TEXT(show_table(&data, LS_COMPANY, &shown), "1|Acme\n");
    CHECK_TEXT(show_table(&data, LS_DEAL, &shown), "d1|5\n");
    CHECK(ls_dataset_find(data.dataset, LS_CONTACT, "3", 1) == 2);
    CHECK(ls_dataset_find(data.dataset, LS_CONTACT, "4", 1) == -1);
    CHECK(ls_dataset_find(data.dataset, LS_CONTACT, "", 0) == -1);
    CHECK_TEXT(ls_dataset_column(data.dataset, LS_CONTACT, 0), "id");
    CHECK_TEXT(ls_dataset_column(data.dataset, LS_CONTACT, 3), "c");
    CHECK(ls_dataset_column(data.dataset, LS_CONTACT, 4) == NULL);
    CHECK_TEXT(ls_dataset_column(data.dataset, LS_EVENT, 1), "at");
    CHECK(ls_dataset_column(data.dataset, LS_EVENT, 2) == NULL);
    CHECK(read_text(&data, LS_INPUT_CONTACTS, "id\n3\n") == LS_ERROR_INPUT);
    CHECK_TEXT(
        data.error.message,
        "contacts.csv:2:1: id: expected each id once, got \"3\" again (first: contacts.csv:2)");
    ls_dataset_counts counts;
    ls_dataset_count(data.dataset, &counts);
    CHECK(counts.records[LS_CONTACT] == 3 && counts.records[LS_COMPANY] == 1 &&
          counts.records[LS_DEAL] == 1);
    close_data(&data);
}

static void test_expected_columns(void)
{
    test_data data;
    open_data(&data);
    expect_properties(&data);
    CHECK(read_text(&data, LS_INPUT_CONTACTS,
                    "id,company_id,country,name,tags\n1,9,SE,Ann,a;b\n") == LS_OK);
    CHECK_TEXT(show_table(&data, LS_CONTACT, &shown), "1|SE|a;b\n");
    CHECK_TEXT(ls_dataset_column(data.dataset, LS_CONTACT, 1), "company_id");
    CHECK(ls_dataset_property(data.dataset, LS_CONTACT, (ls_string){"name", 4}) == NULL);
    CHECK(ls_dataset_property(data.dataset, LS_CONTACT, (ls_string){"country", 7}) != NULL);
    CHECK(ls_dataset_property(data.dataset, LS_CONTACT, (ls_string){"id", 2})->width == 0);
    CHECK(ls_dataset_property(data.dataset, LS_EVENT, (ls_string){"at", 2}) == NULL);
    CHECK(ls_dataset_property(data.dataset, LS_EVENT, (ls_string){"event", 5}) != NULL);
    ls_plan plan = {0};
    CHECK(ls_dataset_expect(data.dataset, &plan, &data.error) == LS_ERROR_USAGE);
    close_data(&data);
}

static void test_renames_and_unknown(void)
{
    static const ls_rename renames[] = {{"contact_id", "visitor"}, {"at", "time"}};
    static const char *const unknown[] = {"n/a", " Select "};
    ls_input_options options = {.input = LS_INPUT_EVENTS,
                                .name = "e",
                                .renames = renames,
                                .rename_count = 2,
                                .unknown = unknown,
                                .unknown_count = 2};
    const char *text = "contact_id,visitor,event,time,url\nxx,1,a,1e9,n/a\n";
    test_data data;
    open_data(&data);
    CHECK(read_options(&data, options, text, strlen(text)) == LS_ERROR_INPUT);
    CHECK_TEXT(
        data.error.message,
        "e:1: expected one column \"contact_id\", got it and \"visitor\", which is to be read "
        "as it (read the first as something else)");
    close_data(&data);
    open_data(&data);
    text = "account,visitor,event,time,url\nxx,1,a,1e9,n/a\n";
    CHECK(read_text(&data, LS_INPUT_CONTACTS, "id\n1\n") == LS_OK);
    CHECK(read_options(&data, options, text, strlen(text)) == LS_ERROR_INPUT);
    CHECK(strncmp(data.error.message, "e:2:4: at: cannot read \"1e9\"", 28) == 0);
    close_data(&data);
    open_data(&data);
    text =
        "account,visitor,event,time,url\nxx,1,a,1000000000, n/a \nyy,1,b,1000000001,N/A\n"
        "zz,1,Select,1000000002,x\nzz,n/a,c,1000000002,x\nzz,1,c,n/a,x\nzz,1,d,1000000003,Select\n";
    data.lenient = true;
    CHECK(read_text(&data, LS_INPUT_CONTACTS, "id\n1\n") == LS_OK);
    CHECK(read_options(&data, options, text, strlen(text)) == LS_OK);
    CHECK(group(&data) == LS_OK);
    CHECK_TEXT(show_events(&data, &shown),
               "1:a@1000000000|xx|\n1:b@1000000001|yy|N/A\n1:d@1000000003|zz|\n");
    CHECK(data.dataset->counts.rejected_rows == 2);
    CHECK(data.dataset->counts.unknown_contact == 1); /* n/a: ids are what they are */
    close_data(&data);
    open_data(&data);
    text = "visitor_id,event,time\n";
    CHECK(read_options(&data, options, text, strlen(text)) == LS_ERROR_INPUT);
    CHECK_TEXT(data.error.message,
               "e:1: expected a column \"visitor\" to read as \"contact_id\", got none (nearest: "
               "\"visitor_id\")");
    close_data(&data);
}

static void test_many_columns_and_values(void)
{
    static char text[4000000];
    size_t length = (size_t)sprintf(text, "id");
    for (int i = 0; i < 3000; i++)
        length += (size_t)sprintf(text + length, ",c%d", i);
    for (int row = 0; row < 3; row++) {
        length += (size_t)sprintf(text + length, "\n%d", row);
        for (int i = 0; i < 3000; i++)
            length += (size_t)sprintf(text + length, ",%d", row * i);
    }
    test_data data;
    open_data(&data);
    CHECK(read_text(&data, LS_INPUT_CONTACTS, text) == LS_OK);
    const ls_table *table = &data.dataset->tables[LS_CONTACT];
    CHECK(table->column_count == 3000 && table->count == 3);
    CHECK(ls_string_equal(ls_dictionary_text(&table->columns[2999].dictionary,
                                             ls_column_code(&table->columns[2999], 2)),
                          "5998", 4));
    close_data(&data);
    length = (size_t)sprintf(text, "id,a,b\n");
    for (int row = 0; row < 70000; row++)
        length +=
            (size_t)sprintf(text + length, "u%d,%d,a value of more than twenty-four bytes %d\n",
                            row, row % 300, row);
    open_data(&data);
    data.budget = 1000;
    CHECK(read_text(&data, LS_INPUT_CONTACTS, text) == LS_OK);
    table = &data.dataset->tables[LS_CONTACT];
    CHECK(table->count == 70000 && table->columns[0].width == 2 && table->columns[1].width == 4);
    for (size_t row = 0; row < table->count; row++) {
        char wanted[80];
        size_t size = (size_t)sprintf(wanted, "a value of more than twenty-four bytes %zu", row);
        const ls_column *b = &table->columns[1], *a = &table->columns[0];
        if (!ls_string_equal(ls_dictionary_text(&b->dictionary, ls_column_code(b, row)), wanted,
                             size) ||
            ls_column_code(a, row) != row % 300 + 1) {
            CHECK(false);
            break;
        }
    }
    close_data(&data);
}

/* ---- events ---------------------------------------------------------------------------------- */

static void test_times(void)
{
    static const struct {
        const char *text;
        int64_t at;
    } cases[] = {
        {"2025-01-31", 1738281600},
        {"2025-01-31 09:30:00", 1738315800},
        {"2025-01-31T09:30:00Z", 1738315800},
        {"2025-01-31T09:30:00", 1738315800},
        {" 2025-01-31 09:30:00 ", 1738315800},
        {"2025-01-31T09:30", 1738315800},
        {"2025-01-31T09:30:00.999Z", 1738315800},
        {"2025-01-31T09:30:00+01:00", 1738312200},
        {"1738315800", 1738315800},
        {"1738315800123", 1738315800},
        {"2025-01-31 23:59:59", 1738367999},
        {"1970-01-01 00:00:00", 0},
        {"1976-01-10 00:00:00", LS_EVENT_BASE},
        {"1976-01-09 23:59:59", LS_EVENT_BASE - 1},
        {"2112-02-16 06:28:15", 4485047295},
        {"2112-02-16 06:28:16", 4485047296},
        {"0001-01-01 00:00:00", -62135596800},
        {"9999-12-31 23:59:59", 253402300799},
        {"2025-01-31T24:00:00", INT64_MIN},
        {"2025-01-31T23:60:00", INT64_MIN},
        {"2025-01-31T23:59:60", INT64_MIN},
        {"2025-01-31x23:59:59", INT64_MIN},
        {"2025/01/31 23:59:59", INT64_MIN},
        {"2025-01-31 23-59-59", INT64_MIN},
        {"2025-01-31 2a:59:59", INT64_MIN},
        {"1738315800 12:00:00", INT64_MIN},
        {"2025-13-31 23:59:59", INT64_MIN},
        {"9999999999999999999", INT64_MIN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[200], wanted[80] = "";
        test_data data;
        sprintf(text, "contact_id,event,at\n1,a,%s\n", cases[i].text);
        open_data(&data);
        data.lenient = true;
        CHECK(read_text(&data, LS_INPUT_CONTACTS, "id\n1\n") == LS_OK);
        CHECK(read_text(&data, LS_INPUT_EVENTS, text) == LS_OK);
        CHECK(group(&data) == LS_OK);
        if (cases[i].at != INT64_MIN)
            sprintf(wanted, "1:a@%lld\n", (long long)cases[i].at);
        CHECK_TEXT(show_events(&data, &shown), wanted);
        CHECK(data.dataset->events.wide ==
              (cases[i].at != INT64_MIN &&
               (cases[i].at < LS_EVENT_BASE || cases[i].at > LS_EVENT_BASE + UINT32_MAX)));
        close_data(&data);
    }
}

static void test_group(void)
{
    test_data data;
    open_data(&data);
    CHECK(read_text(&data, LS_INPUT_CONTACTS, "id\nb\n1\n07\n") == LS_OK);
    CHECK(read_text(&data, LS_INPUT_EVENTS,
                    "contact_id,event,at,url\n1,x,1000000009,/a\nb,y,1000000001,\n"
                    "1,x,1000000002,/b\n7,z,1000000003,\n07,z,1000000003,\n") == LS_OK);
    CHECK(read_text(&data, LS_INPUT_EVENTS,
                    "at,contact_id,event,ref\n1000000000,1,w,r1\n100,b,v,\n") == LS_OK);
    CHECK(read_text(&data, LS_INPUT_EVENTS, "contact_id,event,at,url\n1,x,1000000009,/a\n") ==
          LS_OK);
    CHECK(ls_dataset_future(data.dataset, 0) == 0);
    CHECK(group(&data) == LS_OK);
    CHECK_TEXT(
        show_events(&data, &shown),
        "b:y@1000000001||\nb:v@100||\n1:x@1000000009|/a|\n1:x@1000000002|/b|\n1:w@1000000000||r1\n"
        "1:x@1000000009|/a|\n07:z@1000000003||\n");
    CHECK(data.dataset->counts.unknown_contact == 1 && data.dataset->counts.events == 7);
    CHECK(data.dataset->events.count == 7 && data.dataset->events.wide && data.dataset->grouped);
    CHECK(ls_dataset_future(data.dataset, 1000000002) == 3);
    CHECK(ls_dataset_future(data.dataset, INT64_MAX) == 0);
    CHECK(ls_dataset_future(data.dataset, INT64_MIN) == 7);
    CHECK(group(&data) == LS_ERROR_USAGE);
    CHECK(read_text(&data, LS_INPUT_EVENTS, "contact_id,event,at\n") == LS_ERROR_USAGE);
    close_data(&data);
    open_data(&data);
    CHECK(group(&data) == LS_OK);
    CHECK(data.dataset->events.first[0] == 0);
    close_data(&data);
}

static void test_repeated(void)
{
    test_data data;
    open_data(&data);
    CHECK(read_text(&data, LS_INPUT_CONTACTS, "id\n1\n2\n") == LS_OK);
    CHECK(read_text(&data, LS_INPUT_EVENTS, "contact_id,event,at\n1,p,1000000001\n") == LS_OK);
    CHECK(read_text(
              &data, LS_INPUT_EVENTS,
              "id,contact_id,event,at\ne1,1,a,1000000001\n e1 ,2,b,1000000002\ne1,1,c,1000000003\n"
              ",1,d,1000000004\n,1,d,1000000004\ne2,1,e,1000000005\n") == LS_OK);
    CHECK(read_text(&data, LS_INPUT_EVENTS,
                    "id,contact_id,event,at\ne1,2,f,1000000006\ne2,1,g,1000000007\n"
                    "e3,1,h,1000000008\n") == LS_OK);
    CHECK(group(&data) == LS_OK);
    CHECK_TEXT(
        show_events(&data, &shown),
        "1:p@1000000001|\n1:a@1000000001|e1\n1:d@1000000004|\n1:d@1000000004|\n1:e@1000000005|e2\n"
        "1:h@1000000008|e3\n2:b@1000000002|e1\n");
    CHECK(data.dataset->counts.repeated == 3 && data.dataset->counts.events == 7);
    CHECK(data.dataset->events.count == 7 && data.dataset->events.event.count == 7);
    close_data(&data);
}

static int64_t number_after(ls_string text, size_t start)
{
    int64_t number = 0;
    for (size_t i = start; i < text.length; i++)
        number = number * 10 + (text.text[i] - '0');
    return number;
}

/* Many contacts, values and times, so that partitions, layouts and widths change on the way;
 * against plain sums. */
static void test_many_events(bool identity)
{
    enum { CONTACTS = 5000, EVENTS = 120000 };
    static char text[8000000];
    static uint32_t contact_of[EVENTS];
    size_t length = (size_t)sprintf(text, "id\n");
    test_data data;
    open_data(&data);
    for (int i = 0; i < CONTACTS; i++)
        length += (size_t)sprintf(text + length, i % 3 == 0 ? "u-%d\n" : "%d\n", i * 5);
    CHECK(read_text(&data, LS_INPUT_CONTACTS, text) == LS_OK);
    length = (size_t)sprintf(text, identity ? "contact_id,event,at,url,id\n"
                                            : "contact_id,event,at,url,other\n");
    uint32_t random = 1;
    for (int i = 0; i < EVENTS; i++) {
        random = random * 1664525 + 1013904223;
        contact_of[i] = (random >> 8) % CONTACTS;
        length += (size_t)sprintf(text + length, contact_of[i] % 3 == 0 ? "u-%u," : "%u,",
                                  contact_of[i] * 5);
        length += (size_t)sprintf(text + length, "e%d,%d,/page/%d,i%d\n", i % (i < 1000 ? 10 : 400),
                                  i == 100000 ? 5 : 1000000000 + i, i, i);
    }
    data.budget = 4096;
    CHECK(read_text(&data, LS_INPUT_EVENTS, text) == LS_OK);
    CHECK(group(&data) == LS_OK);
    const ls_events *events = &data.dataset->events;
    const ls_column *url = ls_dataset_property(data.dataset, LS_EVENT, (ls_string){"url", 3});
    CHECK(events->count == EVENTS && events->wide && events->event.width == 2 && url->width == 4);
    size_t wrong = 0;
    for (size_t row = 0; row < CONTACTS; row++) {
        int64_t before = -1;
        for (size_t i = (size_t)events->first[row]; i < events->first[row + 1]; i++) {
            ls_string text_of = ls_dictionary_text(&url->dictionary, ls_column_code(url, i));
            ls_string name =
                ls_dictionary_text(&events->event.dictionary, ls_column_code(&events->event, i));
            int64_t number = number_after(text_of, 6);
            int64_t wanted = number % (number < 1000 ? 10 : 400);
            wrong += number <= before || contact_of[number] != row ||
                     number_after(name, 1) != wanted ||
                     ls_event_time(events, i) != (number == 100000 ? 5 : 1000000000 + number);
            before = number;
        }
    }
    CHECK(wrong == 0);
    close_data(&data);
}

/* So many that the memory of what is packed serves on in the columns; some are repeated. */
static void test_large_events(unsigned threads)
{
    enum { CONTACTS = 12000, EVENTS = 800000 };
    char *text = malloc(EVENTS * (size_t)40);
    uint32_t *contact_of = malloc(EVENTS * sizeof *contact_of), random = 1;
    size_t length = (size_t)sprintf(text, "id\n"), wrong = 0, repeated = 0, seen = 0;
    test_data data;
    open_data(&data);
    for (int i = 0; i < CONTACTS; i++)
        length += (size_t)sprintf(text + length, "%d\n", i);
    CHECK(read_text(&data, LS_INPUT_CONTACTS, text) == LS_OK);
    length = (size_t)sprintf(text, "contact_id,event,at,id\n");
    for (unsigned i = 0; i < EVENTS; i++) {
        bool again = i % 10 == 9;
        random = random * 1664525 + 1013904223;
        contact_of[i] = again ? contact_of[i - 1] : (random >> 8) % CONTACTS;
        repeated += again;
        length += (size_t)sprintf(text + length, "%u,e%u,%u,%u\n", contact_of[i], i % 7,
                                  1000000000 + i, again ? i - 1 : i);
    }
    CHECK(read_text(&data, LS_INPUT_EVENTS, text) == LS_OK);
    CHECK(group_on(&data, threads) == LS_OK);
    const ls_events *events = &data.dataset->events;
    CHECK(events->count == EVENTS - repeated);
    for (size_t row = 0; row < CONTACTS; row++) {
        int64_t before = -1;
        for (size_t i = (size_t)events->first[row]; i < events->first[row + 1]; i++, seen++) {
            int64_t number = ls_event_time(events, i) - 1000000000;
            ls_string name =
                ls_dictionary_text(&events->event.dictionary, ls_column_code(&events->event, i));
            wrong += number <= before || contact_of[number] != row || number % 10 == 9 ||
                     number_after(name, 1) != number % 7;
            before = number;
        }
    }
    CHECK(wrong == 0 && seen == events->count);
    close_data(&data);
    free(text);
    free(contact_of);
}

/* ---- large files of records ------------------------------------------------------------------ */

enum { RECORDS = 30000, RECORD_SIZE = 100 };

typedef struct record_rows {
    char (*rows)[RECORD_SIZE];
    size_t bad_lines[RECORDS / 100], bad_count;
} record_rows;

/* Ids: numbers that follow each other, numbers in any order and much larger ones, other texts. */
static void make_id(char *out, unsigned kind, unsigned i)
{
    static const char *const forms[] = {"%u", "0%u", " %u ", "\"%u\"", "u-%u", "9%09u"};
    unsigned number = kind == 0 ? i : (i * 7919u) % 1000003u;
    const char *form = kind == 0   ? "%u"
                       : kind == 1 ? forms[i % 6]
                                   : "a0000000-0000-4000-8000-%012u";
    sprintf(out, form, number);
}

/* Some rows are refused, some are read in no plain way, and some have a cell that cannot be read.
 */
static void make_rows(record_rows *rows, unsigned kind)
{
    size_t line = 2;
    rows->rows = malloc(RECORDS * sizeof *rows->rows);
    rows->bad_count = 0;
    for (unsigned i = 0; i < RECORDS; i++) {
        static const char *const odd[] = {"%s,1,SE\n",         "%s,many,SE,,\n", "%s,1,\"S\"E,,\n",
                                          "%s,1,\"S\nE\",,\n", "\n%s,,,,\n",     ",1,SE,,\n"};
        char id[50], *row = rows->rows[i];
        bool is_odd = i > RECORDS / 4 && i % 499 == 0;
        /* Before the middle all rows are plain. */
        unsigned which = i < RECORDS / 2 ? 1 : i / 499 % 8;
        make_id(id, kind, is_odd && which == 7 ? i - 1000 : i);
        if (is_odd && which < 6)
            sprintf(row, odd[which], id);
        else
            sprintf(row,
                    i % 11 == 0 ? "%s,\"%u\",\"D\"\"%u\",20%02u-%02u-%02u 10:00:%02u,t%u\r\n"
                                : "%s,%u,C%u,20%02u-%02u-%02u 10:00:%02u,t%u\n",
                    id, i % 5000, i % 40, i % 90 + 10, i % 12 + 1, i % 28 + 1, i % 60, i);
        bool bad = is_odd && which != 3 && which != 4 && which != 6;
        if (bad)
            rows->bad_lines[rows->bad_count++] = line;
        for (const char *at = row; *at != '\0'; at++)
            line += *at == '\n';
    }
}

static uint64_t mix(uint64_t digest, ls_string text)
{
    for (size_t i = 0; i < text.length; i++)
        digest = (digest ^ (unsigned char)text.text[i]) * UINT64_C(0x100000001b3);
    return digest * UINT64_C(0x100000001b3) + text.length;
}

/* Of all texts and codes of the contacts; of where texts were first seen too, if `places`. */
static uint64_t digest_contacts(const test_data *data, bool places)
{
    const ls_table *table = &data->dataset->tables[LS_CONTACT];
    uint64_t digest = table->count;
    for (size_t c = 0; c <= table->column_count; c++) {
        const ls_column *column = c == 0 ? &table->id : &table->columns[c - 1];
        digest = mix(digest, column->name);
        for (uint32_t code = 1; code < column->dictionary.count && column->kept; code++) {
            ls_place place = {0, 0, 0};
            digest = mix(digest, ls_dictionary_text(&column->dictionary, code));
            CHECK(ls_column_place(column, code, &place));
            digest = digest * 31 + (places ? place.line * 100 + place.field : 0);
            digest = digest * 31 + ls_column_unreadable(column, code);
            if (code < column->moment_count)
                digest = digest * 31 + (uint64_t)column->moments[code];
        }
        CHECK(c == 0 || !column->kept || column->count == table->count);
        for (size_t row = 0; row < table->count && column->kept; row++)
            digest = digest * 31 + ls_column_code(column, row);
    }
    return digest;
}

static const char record_header[] = "id,employees,country,created,tags\n";

/* Files of so few rows that there is nothing to share. */
static uint64_t digest_of_pieces(const record_rows *rows, ls_dataset_counts *counts)
{
    static test_data data;
    static char text[100 * RECORD_SIZE + sizeof record_header];
    open_data(&data);
    expect_properties(&data);
    data.lenient = true;
    for (unsigned i = 0; i < RECORDS; i += 100) {
        size_t length = (size_t)sprintf(text, "%s", record_header);
        for (unsigned k = i; k < i + 100; k++)
            length += (size_t)sprintf(text + length, "%s", rows->rows[k]);
        data.rejects.length = 0;
        CHECK(read_text(&data, LS_INPUT_CONTACTS, text) == LS_OK);
    }
    *counts = data.dataset->counts;
    uint64_t digest = digest_contacts(&data, false);
    close_data(&data);
    return digest;
}

static void check_finding(const test_data *data)
{
    const size_t rows = data->dataset->tables[LS_CONTACT].count;
    static const char *const none[] = {"00", "123456789", "4294967296", "99999999999", "x", "-1"};
    size_t wrong = 0, length;
    for (size_t row = 0; row < rows; row++) {
        const char *id = ls_dataset_id(data->dataset, LS_CONTACT, row, &length);
        wrong += ls_dataset_find(data->dataset, LS_CONTACT, id, length) != (int64_t)row;
    }
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        wrong += ls_dataset_find(data->dataset, LS_CONTACT, none[i], strlen(none[i])) != -1;
    CHECK(wrong == 0);
}

/* The lines of the rejects, one after another. */
static void check_rejects(const record_rows *rows, const memory_out *rejects)
{
    const char *at = rejects->text;
    size_t count = 0;
    while ((at = strstr(at, "\ncontacts.csv,")) != NULL) {
        at += strlen("\ncontacts.csv,");
        CHECK(count < rows->bad_count && strtoul(at, NULL, 10) == rows->bad_lines[count]);
        count++;
    }
    CHECK(count == rows->bad_count);
}

static char *join_rows(const record_rows *rows, size_t *length)
{
    char *text = malloc(sizeof record_header + RECORDS * (size_t)RECORD_SIZE);
    *length = (size_t)sprintf(text, "%s", record_header);
    for (unsigned i = 0; i < RECORDS; i++)
        *length += (size_t)sprintf(text + *length, "%s", rows->rows[i]);
    return text;
}

/* Any number of threads, reads of any size and any budget make the same of a file as its pieces
 * do. */
static void test_large_records(unsigned kind)
{
    static const struct {
        unsigned threads;
        size_t step;
        uint64_t budget;
        bool file;
    } ways[] = {{1, 0, 0, false},      {2, 0, 0, false}, {3, 100003, 0, false},
                {2, 0, 300000, false}, {1, 0, 0, true},  {4, 0, 0, true}};
    static test_data data;
    record_rows rows;
    size_t length;
    ls_dataset_counts counts;
    make_rows(&rows, kind);
    char *text = join_rows(&rows, &length), path[] = "/tmp/leadscore_records_XXXXXX";
    uint64_t pieces = digest_of_pieces(&rows, &counts), first = 0;
    FILE *file = fdopen(mkstemp(path), "wb");
    CHECK(file != NULL && fwrite(text, 1, length, file) == length && fclose(file) == 0);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        ls_input_options options = {.input = LS_INPUT_CONTACTS,
                                    .name = "contacts.csv",
                                    .threads = ways[i].threads,
                                    .path = ways[i].file ? path : NULL};
        open_data(&data);
        expect_properties(&data);
        data.lenient = true;
        data.step = ways[i].step;
        data.budget = ways[i].budget;
        CHECK(read_options(&data, options, text, length) == LS_OK);
        CHECK(digest_contacts(&data, false) == pieces);
        first = i == 0 ? digest_contacts(&data, true) : first;
        CHECK(digest_contacts(&data, true) == first);
        CHECK(data.dataset->counts.rejected_rows == counts.rejected_rows &&
              data.dataset->counts.rejected_cells == counts.rejected_cells &&
              data.dataset->counts.records[LS_CONTACT] == counts.records[LS_CONTACT]);
        check_rejects(&rows, &data.rejects);
        check_finding(&data);
        close_data(&data);
    }
    remove(path);
    free(text);
    free(rows.rows);
}

/* Where nothing bad is listed, the first bad row ends reading, and is the one that is named. */
static void test_large_records_strict(unsigned threads)
{
    static test_data data;
    record_rows rows;
    size_t length;
    char place[40];
    make_rows(&rows, 0);
    char *text = join_rows(&rows, &length);
    ls_input_options options = {.input = LS_INPUT_CONTACTS,
                                .name = "contacts.csv",
                                .threads = threads};
    open_data(&data);
    expect_properties(&data);
    CHECK(read_options(&data, options, text, length) == LS_ERROR_INPUT);
    snprintf(place, sizeof place, "contacts.csv:%zu:", rows.bad_lines[0]);
    CHECK(strncmp(data.error.message, place, strlen(place)) == 0);
    close_data(&data);
    free(text);
    free(rows.rows);
}

/* However little memory there is, and wherever it ends. */
static void test_large_records_memory(unsigned threads)
{
    static test_data data;
    record_rows rows;
    size_t length, enough = 0;
    make_rows(&rows, 0);
    char *text = join_rows(&rows, &length);
    ls_input_options options = {.input = LS_INPUT_CONTACTS,
                                .name = "contacts.csv",
                                .threads = threads};
    for (size_t limit = 200000; enough == 0 && limit < (size_t)1 << 28; limit += limit / 8) {
        memset(&data, 0, sizeof data);
        data.lenient = true;
        CHECK(ls_context_new(NULL, limit, &data.context) == LS_OK);
        CHECK(ls_dataset_new(data.context, &data.dataset, &data.error) == LS_OK);
        expect_properties(&data);
        int status = read_options(&data, options, text, length);
        CHECK(status == LS_OK || status == LS_ERROR_MEMORY);
        CHECK(ls_context_peak(data.context) <= limit);
        enough = status == LS_OK ? limit : 0;
        close_data(&data);
    }
    CHECK(enough != 0);
    free(text);
    free(rows.rows);
}

static void test_large_records_failures(unsigned threads)
{
    static test_data data;
    record_rows rows;
    size_t length, n = 0;
    make_rows(&rows, 1);
    char *text = join_rows(&rows, &length);
    ls_input_options options = {.input = LS_INPUT_CONTACTS,
                                .name = "contacts.csv",
                                .threads = threads};
    int status = LS_ERROR_MEMORY;
    for (; status == LS_ERROR_MEMORY && n < 100000; n += 1 + n / 16) {
        faults counter = {.lasting = true};
        ls_allocator allocator = {faults_reallocate, &counter};
        memset(&data, 0, sizeof data);
        data.lenient = true;
        CHECK(ls_context_new(&allocator, 0, &data.context) == LS_OK);
        CHECK(ls_dataset_new(data.context, &data.dataset, &data.error) == LS_OK);
        expect_properties(&data);
        faults_arm(&counter, n + 1);
        status = read_options(&data, options, text, length);
        CHECK(status == LS_OK || status == LS_ERROR_MEMORY);
        ls_dataset_close(data.dataset);
        ls_context_close(data.context);
        CHECK(counter.bytes == 0);
    }
    CHECK(status == LS_OK && n > 100);
    free(text);
    free(rows.rows);
}

/* ---- lists ----------------------------------------------------------------------------------- */

static void test_lists(void)
{
    test_data data;
    open_data(&data);
    CHECK(read_text(&data, LS_INPUT_CONTACTS, "id\n1\n2\nx\n4\n") == LS_OK);
    CHECK(read_text(&data, LS_INPUT_LIST, "2,Bob\n99,Zed\n") == LS_OK);
    CHECK(read_text(&data, LS_INPUT_LIST, "id\nx\n") == LS_OK);
    CHECK(read_lines(&data, LS_INPUT_LIST, "{\"id\":4}\n{\"id\":\"nobody\"}\n") == LS_OK);
    CHECK(read_text(&data, LS_INPUT_LIST, "") == LS_OK);
    const ls_list *list = ls_dataset_list(data.dataset, (ls_string){"vip", 3});
    CHECK(list != NULL && !ls_list_has(list, LS_CONTACT, 0) && ls_list_has(list, LS_CONTACT, 1) &&
          ls_list_has(list, LS_CONTACT, 2));
    CHECK(ls_list_has(list, LS_CONTACT, 3) && !ls_list_has(list, LS_CONTACT, 1000) &&
          list->unknown == 2);
    CHECK(ls_dataset_has_list(data.dataset, "vip") && !ls_dataset_has_list(data.dataset, "vi"));
    CHECK(read_text(&data, LS_INPUT_CONTACTS, "id\n5\n") == LS_ERROR_USAGE);
    close_data(&data);
}

/* ---- NDJSON ---------------------------------------------------------------------------------- */

static void test_ndjson(void)
{
    static const char contacts[] = "\xef\xbb\xbf{\"id\": 1, \"a\": \"x\", \"n\": 1.50, \"t\": "
                                   "[\"p\", \"q\", 3, true, null]}\r\n"
                                   "\n"
                                   "{\"id\": \"two\", \"n\": 1e3, \"a\": null, \"b\": true}\n"
                                   "  \n"
                                   "{\"b\": false, \"id\": \" 3 \", \"t\": []}";
    for (size_t step = 0; step < 3; step++) {
        test_data data;
        open_data(&data);
        data.step = data.budget = step;
        CHECK(read_lines(&data, LS_INPUT_CONTACTS, contacts) == LS_OK);
        CHECK_TEXT(data.error.message, "");
        CHECK_TEXT(show_table(&data, LS_CONTACT, &shown),
                   "1|x|1.50|p;q;3;true;|\ntwo||1e3||true\n3||||false\n");
        CHECK(read_lines(&data, LS_INPUT_EVENTS,
                         "{\"contact_id\":1,\"event\":\"e\",\"at\":1000000000,\"u\":\"/\\u00e9\"}\n"
                         "{\"at\":\"2025-01-31\",\"event\":\"f\",\"contact_id\":\"two\"}") ==
              LS_OK);
        CHECK(group(&data) == LS_OK);
        CHECK_TEXT(show_events(&data, &shown), "1:e@1000000000|/\xc3\xa9\ntwo:f@1738281600|\n");
        close_data(&data);
    }
}

static void test_bad_ndjson(void)
{
    test_data data;
    open_data(&data);
    expect_properties(&data);
    data.lenient = true;
    CHECK(read_lines(
              &data, LS_INPUT_CONTACTS,
              "{\"id\":1,\"country\":{\"x\":1},\"other\":{\"y\":2}}\n[1]\n{\"id\":2\n{\"country\":"
              "\"SE\"}\n"
              "{\"id\":3,\"country\":\"a\\u0000b\"}\n{\"id\":4,\"id\":5}\n{\"id\":6}{\"id\":7}\n"
              "{\"id\":8,\"tags\":[[1]]}\n{\"id\":9,\"employees\":true}\n") == LS_OK);
    CHECK_TEXT(show_table(&data, LS_CONTACT, &shown), "1|||\n8|||\n9|||true?\n");
    CHECK(data.dataset->counts.rejected_rows == 6 && data.dataset->counts.rejected_cells == 3);
    CHECK(strstr(data.rejects.text,
                 "lines.ndjson,1,2,\"country: expected a text, a number or a list, got an "
                 "object\",") != NULL);
    CHECK(strstr(data.rejects.text, "lines.ndjson,4,1,\"id: expected an id, got nothing\",") !=
          NULL);
    close_data(&data);
    open_data(&data);
    CHECK(read_lines(&data, LS_INPUT_CONTACTS, "{\"id\":1}\n\n{\"id\":tru}\n") == LS_ERROR_INPUT);
    CHECK(strncmp(data.error.message, "lines.ndjson:3: ", 16) == 0);
    close_data(&data);
}

/* ---- gzip ------------------------------------------------------------------------------------ */

static size_t compress_text(const char *text, size_t length, char *out, size_t size)
{
    z_stream stream;
    memset(&stream, 0, sizeof stream);
    deflateInit2(&stream, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
    stream.next_in = (unsigned char *)(uintptr_t)text;
    stream.avail_in = (unsigned)length;
    stream.next_out = (unsigned char *)out;
    stream.avail_out = (unsigned)size;
    deflate(&stream, Z_FINISH);
    size_t written = size - stream.avail_out;
    deflateEnd(&stream);
    return written;
}

static void test_gzip(void)
{
    static char text[3000000], packed[3000000];
    ls_input_options options = {.input = LS_INPUT_CONTACTS, .name = "c.gz", .gzip = true};
    test_data data;
    size_t first = compress_text("id,a\n1,x\n2", 10, packed, sizeof packed);
    size_t both = first + compress_text(",y\n", 3, packed + first, sizeof packed - first);
    memset(packed + both, 0, 16);
    for (size_t step = 0; step < 3; step++) {
        open_data(&data);
        data.step = step;
        CHECK(read_options(&data, options, packed, both + (step == 1 ? 16 : 0)) == LS_OK);
        CHECK_TEXT(show_table(&data, LS_CONTACT, &shown), "1|x\n2|y\n");
        close_data(&data);
    }
    for (size_t cut = 0; cut < both; cut++) {
        open_data(&data);
        int wanted = cut == first ? LS_OK : LS_ERROR_INPUT;
        int status = read_options(&data, options, packed, cut);
        CHECK(status == wanted ||
              (cut == first && status == LS_ERROR_INPUT)); /* "2" has one field */
        if (cut != first)
            CHECK_TEXT(data.error.message,
                       "c.gz: the gzip data ends too early: the file is cut off");
        close_data(&data);
    }
    packed[first / 2] ^= 0x55;
    open_data(&data);
    CHECK(read_options(&data, options, packed, both) == LS_ERROR_INPUT);
    close_data(&data);
    size_t length = (size_t)sprintf(text, "id,a\n");
    for (int i = 0; i < 100000; i++)
        length += (size_t)sprintf(text + length, "%d,value %d\n", i, i % 1000);
    size_t size = compress_text(text, length, packed, sizeof packed);
    open_data(&data);
    data.budget = 5000;
    CHECK(read_options(&data, options, packed, size) == LS_OK);
    CHECK(data.dataset->tables[LS_CONTACT].count == 100000);
    close_data(&data);
    memcpy(packed + size, "junk", 4);
    open_data(&data);
    CHECK(read_options(&data, options, packed, size + 4) == LS_ERROR_INPUT);
    CHECK(strncmp(data.error.message, "c.gz: damaged gzip: ", 20) == 0 ||
          strstr(data.error.message, "cut off") != NULL);
    close_data(&data);
}

/* ---- limits, jobs, memory -------------------------------------------------------------------- */

static void test_longest_row(void)
{
    for (size_t over = 0; over < 2; over++) {
        size_t length = LS_MAX_ROW + over, header = 5;
        char *text = malloc(header + length + 4);
        ls_input_options options = {.input = LS_INPUT_CONTACTS, .name = "c"};
        test_data data;
        memcpy(text, "id,a\n1,", 7);
        memset(text + 7, 'x', length - 3);
        text[header + length - 1] = '\n';
        memcpy(text + header + length, "2,y\n", 4);
        open_data(&data);
        data.lenient = over != 0;
        CHECK(read_options(&data, options, text, header + length + 4) ==
              (over ? LS_ERROR_INPUT : LS_OK));
        CHECK(data.dataset->tables[LS_CONTACT].count == (over ? 0 : 2));
        if (over)
            CHECK_TEXT(data.error.message,
                       "c:2: expected a line of at most 16777216 bytes, got a longer one");
        close_data(&data);
        text[7] = '"'; /* never closed: with rejects only the first line of the row is lost */
        memset(text + 1000, '\n', 1);
        open_data(&data);
        options.rejects = write_nothing;
        CHECK(read_options(&data, options, text, header + length + 4) == LS_OK);
        CHECK(data.dataset->tables[LS_CONTACT].count == 1);
        CHECK(data.dataset->counts.rejected_rows == 2);
        close_data(&data);
        free(text);
    }
}

static void test_jobs(void)
{
    static const char text[] = "id,a\n1,x\n2,y\n";
    memory_file file = {text, sizeof text - 1, 0, 0};
    ls_input_options options = {
        .input = LS_INPUT_CONTACTS, .name = "c", .reader = read_memory, .reader_user = &file};
    ls_job *job, *other;
    ls_progress progress;
    test_data data;
    open_data(&data);
    CHECK(ls_dataset_read(data.dataset, &options, &job, &data.error) == LS_OK);
    CHECK(ls_dataset_read(data.dataset, &options, &other, &data.error) == LS_ERROR_USAGE &&
          other == NULL);
    CHECK(ls_dataset_group(data.dataset, 1, &other, &data.error) == LS_ERROR_USAGE);
    ls_job_close(job); /* nothing was read: no harm */
    CHECK(ls_dataset_read(data.dataset, &options, &job, &data.error) == LS_OK);
    CHECK(ls_job_step(job, 1, &data.error) == LS_MORE);
    ls_job_progress(job, &progress);
    CHECK_TEXT(progress.phase, "read");
    CHECK_TEXT(progress.unit, "bytes");
    CHECK(progress.total == 0 && progress.done == sizeof text - 1);
    ls_dataset_close(data.dataset); /* the job keeps it */
    CHECK(ls_job_step(job, 0, &data.error) == LS_OK);
    CHECK(ls_job_step(job, 0, &data.error) == LS_OK);
    ls_job_close(job);
    CHECK(ls_dataset_new(data.context, &data.dataset, &data.error) == LS_OK);
    file.at = 0;
    CHECK(ls_dataset_read(data.dataset, &options, &job, &data.error) == LS_OK);
    CHECK(ls_job_step(job, 1, &data.error) == LS_MORE);
    ls_job_close(job); /* half of it was read: the dataset is of no use */
    CHECK(ls_dataset_group(data.dataset, 1, &job, &data.error) == LS_ERROR_USAGE);
    options.reader = NULL;
    CHECK(ls_dataset_read(data.dataset, &options, &job, &data.error) == LS_ERROR_USAGE);
    close_data(&data);
}

/* Reads some of everything; LS_OK, or LS_ERROR_MEMORY. */
static int read_everything(test_data *data, const char *packed, size_t packed_size)
{
    static char events[20000];
    ls_input_options gzip = {.input = LS_INPUT_COMPANIES, .name = "c.gz", .gzip = true};
    if (events[0] == '\0') {
        size_t length = (size_t)sprintf(events, "id,contact_id,event,at,url,amount\n");
        for (int i = 0; i < 400; i++)
            length +=
                (size_t)sprintf(events + length, "%d,%d,e%d,%d,\"/\"\"%d\",%s\n", i % 390, i % 3, i,
                                i == 300 ? 7 : 1000000000 + i, i, i == 9 ? "x" : "1");
        sprintf(events + length, "1,2\n");
    }
    int status = ls_dataset_new(data->context, &data->dataset, &data->error);
    ls_definition definition = {.properties = (ls_property *)(uintptr_t)wanted_properties,
                                .property_count = 7};
    ls_plan plan = {.count = 1, .definitions = &definition};
    if (status == LS_OK)
        status = ls_dataset_expect(data->dataset, &plan, &data->error);
    if (status == LS_OK)
        status = read_text(data, LS_INPUT_CONTACTS,
                           "id,employees,country,tags\n0,5,SE,a\n2,many,\"D\"\"K\",b\n");
    if (status == LS_OK)
        status = read_lines(data, LS_INPUT_CONTACTS,
                            "{\"id\":1,\"active\":true,\"tags\":[1,\"\\u00e9\"]}\n{\"id\":\n");
    if (status == LS_OK)
        status = read_options(data, gzip, packed, packed_size);
    if (status == LS_OK)
        status = read_text(data, LS_INPUT_LIST, "id\n2\n");
    if (status == LS_OK)
        status = read_text(data, LS_INPUT_EVENTS, events);
    return status == LS_OK ? group(data) : status;
}

static void test_allocation_failures(void)
{
    char packed[200];
    size_t size = compress_text("id,name\n1,Acme\n", 15, packed, sizeof packed);
    int status = LS_ERROR_MEMORY;
    size_t n = 0;
    for (; status == LS_ERROR_MEMORY && n < 100000; n++) {
        static test_data data;
        faults counter = {.lasting = true};
        ls_allocator allocator = {faults_reallocate, &counter};
        memset(&data, 0, sizeof data);
        data.lenient = true;
        CHECK(ls_context_new(&allocator, 0, &data.context) == LS_OK);
        size_t base = ls_context_memory(data.context);
        faults_arm(&counter, n + 1);
        status = read_everything(&data, packed, size);
        if (status == LS_ERROR_MEMORY)
            CHECK_TEXT(data.error.message, "not enough memory");
        ls_dataset_close(data.dataset);
        CHECK(ls_context_memory(data.context) == base);
        ls_context_close(data.context);
        CHECK(counter.bytes == 0);
    }
    CHECK(status == LS_OK && n > 100);
}

static void test_memory_limit(void)
{
    static test_data data;
    CHECK(ls_context_new(NULL, 300000, &data.context) == LS_OK);
    CHECK(ls_dataset_new(data.context, &data.dataset, &data.error) == LS_OK);
    static char text[1000000];
    size_t length = (size_t)sprintf(text, "id,a\n");
    for (int i = 0; i < 50000; i++)
        length += (size_t)sprintf(text + length, "%d,v%d\n", i, i);
    CHECK(read_text(&data, LS_INPUT_CONTACTS, text) == LS_ERROR_MEMORY);
    CHECK(ls_context_peak(data.context) <= 300000);
    close_data(&data);
}

int main(void)
{
    test_csv();
    test_delimiters();
    test_alignment();
    test_errors();
    test_nul();
    test_io();
    test_rejects();
    test_stray_quote();
    test_bad_cell_later();
    test_several_files();
    test_expected_columns();
    test_renames_and_unknown();
    test_many_columns_and_values();
    test_times();
    test_group();
    test_repeated();
    test_many_events(false);
    test_many_events(true);
    test_large_events(1);
    test_large_events(2);
    for (unsigned kind = 0; kind < 3; kind++)
        test_large_records(kind);
    for (unsigned threads = 1; threads <= 2; threads++) {
        test_large_records_strict(threads);
        test_large_records_memory(threads);
        test_large_records_failures(threads);
    }
    test_lists();
    test_ndjson();
    test_bad_ndjson();
    test_gzip();
    test_longest_row();
    test_jobs();
    test_allocation_failures();
    test_memory_limit();
    if (failures != 0)
        fprintf(stderr, "%d checks failed\n", failures);
    return failures != 0;
}
