"""The standard workload in DuckDB: from CSV files to a file of scores, and from resident tables of strings and of
integer codes sorted by contact. Prints lines as clock.h has them; amounts are whole hundredths of a point.

    peer_duckdb.py prepare DATA DATABASE              makes the tables, which is not timed
    peer_duckdb.py run DATA DATABASE THREADS OUT      times the three, each alone; resident ones after a first run
"""

import resource
import sys
import time

import duckdb

NOW, DAY = 1767225600, 86400
MONTH, QUARTER = 30 * DAY, 90 * DAY

CONTACT_FILE = """read_csv('{data}/contacts.csv', header = true, columns = {{'id': 'BIGINT', 'company_id': 'BIGINT',
    'industry': 'VARCHAR', 'country': 'VARCHAR', 'employees': 'BIGINT', 'job_title': 'VARCHAR',
    'created_at': 'TIMESTAMP'}})"""
EVENT_FILE = """read_csv('{data}/events.csv', header = true, columns = {{'contact_id': 'BIGINT', 'event': 'VARCHAR',
    'at': 'TIMESTAMP', 'prop': 'VARCHAR'}})"""

INDUSTRY = """((case when industry in ('Software', 'Finance', 'Healthcare', 'Insurance', 'Telecom')
        then 1000 else 0 end)
    + (case industry when 'Software' then 800 when 'Finance' then 600 when 'Retail' then 300 else 0 end))"""
COUNTRY = """(case when country in ('US', 'GB', 'DE', 'FR', 'DK', 'NO', 'SE', 'NL', 'CA', 'AU') then 800
    when country in ('KR', 'CN', 'NG', 'EG', 'VN') then -1000 else 0 end)"""
TITLE = """((case when contains(lower(job_title), 'chief') or contains(lower(job_title), 'vp')
        or contains(lower(job_title), 'director') or contains(lower(job_title), 'head') then 1200 else 0 end)
    + (case when starts_with(lower(job_title), 'intern') then -2000 else 0 end))"""
EMPLOYEES = "(case when employees >= 200 then 1000 when employees >= 20 then 500 else 0 end)"

# What is asked of a property, by the name of the answer in props.
ASKED = {
    "demo": "contains(lower(prop), 'demo')",
    "pricing": "starts_with(lower(prop), 'pricing/')",
    "contact_us": "(contains(lower(prop), 'contact-us') or contains(lower(prop), 'newsletter'))",
    "analytics": "contains(lower(prop), 'analytics')",
}

SCORES = f"""
with sums as (
    select contact_id,
        sum(case when {{form_submission}} and {{demo}} then 375 * greatest(0, 4 - age // {QUARTER})
            when {{meeting_booked}} then 500 * greatest(0, 2 - age // {MONTH})
            when {{meeting_completed}} and age < {QUARTER} then 2000
            when {{call_started}} then 125 * greatest(0, 4 - age // {QUARTER})
            when {{unsubscribe}} then -1500 else 0 end) sales,
        sum(case when {{cta_click}} then 300 * greatest(0, 2 - age // {MONTH})
            when {{form_submission}} and {{contact_us}} and age < {QUARTER} then 500
            when {{webinar_attended}} and {{analytics}} then 800 else 0 end) marketing,
        count(*) filter ({{page_view}} and {{pricing}} and age < {MONTH}) hot,
        count(*) filter ({{email_open}} and age < {QUARTER}) opens,
        count(*) filter ({{email_click}} and age < {60 * DAY}) clicks,
        count(*) filter ({{page_view}} and age < {365 * DAY}) views
    from {{events}} group by contact_id),
fits as (
    select id, least(5000, greatest(-5000, {{fit}})) fit from {{contacts}}),
parts as (
    select id, fit,
        least(6000, greatest(-6000, coalesce(sales, 0) + (case when hot >= 3 then 1000 else 0 end)))
        + least(4000, greatest(-4000, coalesce(marketing, 0) + (case when opens >= 5 then 400 else 0 end)
            + (case when clicks between 2 and 10 then 500 else 0 end) + (case when views >= 20 then 300 else 0 end)))
        engagement
    from fits left join sums on id = contact_id)
select id, least(10000, greatest(-10000, fit + engagement)){{unit}} w1,
    engagement{{unit}} w1_engagement, fit{{unit}} w1_fit,
    (case when fit >= 2500 then 'A' when fit >= 1000 then 'B' else 'C' end)
    || (case when engagement >= 5000 then '1' when engagement >= 2000 then '2' else '3' end) w1_label
from parts"""

EVENTS = ("form_submission", "meeting_booked", "meeting_completed", "call_started", "unsubscribe", "cta_click",
          "webinar_attended", "page_view", "email_open", "email_click")


def string_query(events, contacts, unit=""):
    fit = f"""{INDUSTRY} + {COUNTRY} + {EMPLOYEES} + {TITLE}
        + (case when {NOW} - epoch(created_at) < {QUARTER} then 300 else 0 end)"""
    names = {name: f"event = '{name}'" for name in EVENTS}
    source = f"(select contact_id, event, prop, {NOW} - epoch(\"at\")::bigint age from {events})"
    return SCORES.format(events=source, contacts=contacts, fit=fit, unit=unit, **names, **ASKED)


def code_query(connection):
    codes = dict(connection.execute("select event, code from types").fetchall())
    names = {name: f"event = {codes[name]}" for name in EVENTS}
    events = f"""(select contact_id, age, event, {", ".join(ASKED)}
        from coded_events left join props on coded_events.prop = props.code)"""
    contacts = """(select id, i.points + c.points + j.points + coded_contacts.points points
        from coded_contacts join industries i on coded_contacts.industry = i.code
        join countries c on coded_contacts.country = c.code join titles j on title = j.code)"""
    asked = {name: name for name in ASKED}
    return SCORES.format(events=events, contacts=contacts, fit="points", unit="", **names, **asked)


def prepare(connection, data):
    def make(table, query):
        connection.execute(f"create table {table} as {query}")

    make("events", f"select * from {EVENT_FILE.format(data=data)}")
    make("contacts", f"select * from {CONTACT_FILE.format(data=data)}")
    make("types", "select (row_number() over (order by event) - 1)::utinyint code, event "
         "from (select distinct event from events)")
    asked = ", ".join(f"{test} {name}" for name, test in ASKED.items())
    make("props", f"select (row_number() over (order by prop) - 1)::usmallint code, prop, {asked} "
         "from (select distinct prop from events where prop is not null)")
    for table, column, points in (("industries", "industry", INDUSTRY), ("countries", "country", COUNTRY),
                                  ("titles", "job_title", TITLE)):
        make(table, f"select (row_number() over (order by {column}))::usmallint code, {column}, "
             f"{points}::integer points from (select distinct {column} from contacts)")
    make("coded_events", f"select contact_id::uinteger contact_id, types.code event, props.code prop, "
         f"({NOW} - epoch(events.at))::integer age from events join types using (event) left join props using (prop) "
         "order by contact_id")
    make("coded_contacts", f"""select id::uinteger id, i.code industry, c.code country, j.code title,
        ({EMPLOYEES} + (case when {NOW} - epoch(created_at) < {QUARTER} then 300 else 0 end))::integer points
        from contacts join industries i on contacts.industry is not distinct from i.industry
        join countries c on contacts.country is not distinct from c.country
        join titles j on contacts.job_title is not distinct from j.job_title order by id""")


def used():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def timed(connection, name, threads, statement):
    wall, cpu = time.monotonic(), used()
    connection.execute(statement)
    print(f"time peer/duckdb_{name} {threads} {time.monotonic() - wall:.9f} {used() - cpu:.9f}", flush=True)


def print_sums(connection, name, source, factor=1):
    fit, total, by_row = connection.execute(
        f"select sum(w1_fit) * {factor}, sum(w1) * {factor}, sum(w1 * (id % 1009)) * {factor} from {source}").fetchone()
    print(f"count peer/duckdb_{name}_fit {round(fit)}")
    print(f"count peer/duckdb_{name}_total {round(total)}")
    print(f"count peer/duckdb_{name}_by_row {round(by_row)}")
    for label, count in connection.execute(f"select w1_label, count(*) from {source} group by 1 order by 1").fetchall():
        print(f"count peer/duckdb_{name}_{label} {count}", flush=True)


def run(connection, data, threads, out):
    connection.execute(f"set threads = {threads}")
    query = string_query(EVENT_FILE.format(data=data), CONTACT_FILE.format(data=data), " / 100")
    timed(connection, "csv", threads, f"copy ({query}) to '{out}' (header)")
    print_sums(connection, "csv", f"'{out}'", 100)
    for name, query in (("strings", string_query("events", "contacts")), ("codes", code_query(connection))):
        statement = f"create or replace temp table scores as {query}"
        connection.execute(statement)
        timed(connection, name, threads, statement)
        print_sums(connection, name, "scores")


def main(arguments):
    if len(arguments) == 3 and arguments[0] == "prepare":
        prepare(duckdb.connect(arguments[2]), arguments[1])
    elif len(arguments) == 5 and arguments[0] == "run":
        print(f"text duckdb_version {duckdb.__version__}")
        run(duckdb.connect(arguments[2], read_only=True), arguments[1], int(arguments[3]), arguments[4])
    else:
        sys.exit(__doc__)


main(sys.argv[1:])
