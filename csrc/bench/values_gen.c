/* Generates events whose property has many long values, to see what a dictionary makes of them.
 *
 *   values_gen alike|random VALUES EVENTS FOLDER
 *
 * Values are of 48 bytes: all random, or with the first and last 16 the same in all. They come
 * in a random order, the same in both. 1,000 contacts. */
#include "generate.h"

#include <stdlib.h>
#include <string.h>

#define SEED UINT64_C(20260115)
#define START INT64_C(1735689600) /* 2025-01-01T00:00:00Z */
#define CONTACTS 1000

enum stream { STREAM_CONTACT = 1, STREAM_VALUE, STREAM_TEXT };

static bool alike;

static char *put_value(char *out, uint64_t code)
{
    uint64_t text = 3 * code;
    out = alike ? gen_put_text(out, "/the/same/start/")
                : gen_put_hex(out, gen_number(SEED, STREAM_TEXT, text), 16);
    out = gen_put_hex(out, gen_number(SEED, STREAM_TEXT, text + 1), 16);
    return alike ? gen_put_text(out, "/and/the/end.htm")
                 : gen_put_hex(out, gen_number(SEED, STREAM_TEXT, text + 2), 16);
}

static void write_contacts(const char *folder)
{
    FILE *file = gen_open(folder, "contacts.csv", "id\n");
    for (int i = 1; i <= CONTACTS; i++) {
        fprintf(file, "%d\n", i);
    }
    gen_close(file, "contacts.csv");
}

static void write_events(const char *folder, uint64_t values, uint64_t events)
{
    FILE *file = gen_open(folder, "events.csv", "contact_id,event,at,value\n");
    char line[256];
    for (uint64_t i = 0; i < events; i++) {
        char *out = gen_put_number(line, 1 + gen_number(SEED, STREAM_CONTACT, i) % CONTACTS);
        out = gen_put_text(out, ",seen,");
        out = gen_put_time(out, START + (int64_t)(i % (365 * 86400)), ' ');
        *out++ = ',';
        out = put_value(out, gen_number(SEED, STREAM_VALUE, i) % values);
        *out++ = '\n';
        fwrite(line, 1, (size_t)(out - line), file);
    }
    gen_close(file, "events.csv");
}

int main(int count, char **arguments)
{
    if (count != 5) {
        fprintf(stderr, "usage: %s alike|random VALUES EVENTS FOLDER\n", arguments[0]);
        return 2;
    }
    uint64_t values = strtoull(arguments[2], NULL, 10), events = strtoull(arguments[3], NULL, 10);
    alike = strcmp(arguments[1], "alike") == 0;
    if (values == 0) {
        fprintf(stderr, "%s: there must be a value\n", arguments[0]);
        return 2;
    }
    gen_prepare();
    write_contacts(arguments[4]);
    write_events(arguments[4], values, events);
    return 0;
}
