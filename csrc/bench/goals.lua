-- The rows of the bench's table: what each is worked out from, its unit, the workloads it is measured on, and the most
-- or least that it should be. The column of W1 may show another workload instead (uuid).
--
-- Goals in times are for the reference machine, on which DuckDB, with one thread, takes DUCKDB_SECONDS from W1's CSV to
-- scores. What another machine is slower by is told by DuckDB in the same run.

local NS, US, MS, MB = 1e9, 1e6, 1e3, 1e-6

-- Functions of measures m, which answer nil where something was not run.

local function divided(a, b)
    return a and b and b ~= 0 and a / b or nil
end

-- Time of an event of workload w, in nanoseconds.
local function per_event(name, threads)
    return function(m, w, clock)
        local time = m[clock](m, w.prefix .. name, threads)
        return divided(time and time * NS, w.events)
    end
end

local function time(name, unit, threads)
    return function(m, w, clock)
        local wall = m[clock](m, w.prefix .. name, threads)
        return wall and wall * unit
    end
end

-- How often the time of one goes into that of the other.
local function ratio(above, above_threads, below, below_threads)
    return function(m, w, clock)
        return divided(m[clock](m, w.prefix .. above, above_threads), m[clock](m, w.prefix .. below, below_threads))
    end
end

-- The same of names that belong to no column.
local function between(above, below)
    return function(m, _, clock)
        return divided(m[clock](m, above), m[clock](m, below))
    end
end

local function peer_ratio(peer, name, threads)
    return function(m, w, clock)
        return divided(m[clock](m, "peer/" .. peer, threads), m[clock](m, w.prefix .. name, threads))
    end
end

-- Peers in Lua run at W0, so events are what is compared.
local function lua_ratio(peer)
    return function(m, w, clock)
        local events = m.counts["peer/" .. peer .. "_events"]
        return divided(divided(m[clock](m, "peer/" .. peer, 1), events),
            divided(m[clock](m, w.prefix .. "score/one/best", 1), w.events))
    end
end

local function rate(bytes_of, name)
    return function(m, w, clock)
        local bytes = bytes_of(m, w)
        return bytes and divided(bytes * MB, m[clock](m, w.prefix .. name, 1))
    end
end

local function event_bytes(_, w)
    return w.bytes
end

local function written_bytes(m, w)
    return m.counts[w.prefix .. "written/one"]
end

local function machine_rate(name, counted)
    return function(m, _, clock)
        local bytes = m.counts["machine/" .. counted]
        return bytes and divided(bytes * MB, m[clock](m, "machine/" .. name, 1))
    end
end

local function peak(name)
    return function(m, w)
        local bytes = m.counts[w.prefix .. name]
        return bytes and bytes * MB
    end
end

local DUCKDB_SECONDS, DUCKDB_EVENTS = 14.4, 50000000

local function slowness(m, w, clock)
    return w.events == DUCKDB_EVENTS and divided(m[clock](m, "peer/duckdb_csv", 1), DUCKDB_SECONDS) or nil
end

local BOTH, W1, W2, UUID = { "w1", "w2" }, { "w1" }, { "w2" }, { "uuid", "w2" }

return {
    { title = "Scoring a resident dataset, one definition" },
    { "portable kernels, 1 thread", "ns/event", per_event("score/one/portable"), BOTH, most = { w1 = 1.6 } },
    { "best kernels, 1 thread", "ns/event", per_event("score/one/best"), BOTH, most = { w1 = 0.9, w2 = 12 } },
    { "  of which making its tables", "ns/event", per_event("bind/one/best"), BOTH },
    { "  of which events and records", "ns/event", per_event("run/one/best"), BOTH },
    { "best kernels, 2 threads", "ns/event", per_event("score/one/best", 2), BOTH },
    { "2 threads against 1", "x faster", ratio("score/one/best", 1, "score/one/best", 2), BOTH, least = { w1 = 1.8 } },
    { "  of which events and records", "x faster", ratio("run/one/best", 1, "run/one/best", 2), BOTH },
    { "DuckDB, integer codes by contact", "x slower", peer_ratio("duckdb_codes", "score/one/best", 1), W1,
        least = { w1 = 30 } },
    { "DuckDB, strings", "x slower", peer_ratio("duckdb_strings", "score/one/best", 1), W1, least = { w1 = 60 } },
    { "LuaJIT, by hand", "x slower", lua_ratio("luajit"), W1 },
    { "Lua 5.4, by hand", "x slower", lua_ratio("lua54"), W1 },

    { title = "Many rules" },
    { "200 rules against 20", "x slower", ratio("score/all/best", 1, "score/one/best", 1), W2, most = { w2 = 3 } },
    { "  of which events and records", "x slower", ratio("run/all/best", 1, "run/one/best", 1), W2 },
    { "10 definitions against one", "x slower", ratio("score/ten/best", 1, "score/one/best", 1), W2,
        most = { w2 = 5 } },
    { "  of which events and records", "x slower", ratio("run/ten/best", 1, "run/one/best", 1), W2 },

    { title = "Reading" },
    { "scanning and coding, decimal ids, 1 thread", "MB/s", rate(event_bytes, "read_events"), W1,
        least = { w1 = 1500 } },
    { "scanning and coding, UUIDs, 1 thread", "MB/s", rate(event_bytes, "read_events"), UUID,
        least = { uuid = 800, w2 = 800 } },
    { "  2 threads against 1", "x faster", ratio("read_events", 1, "read_events", 2), BOTH },
    { "grouping, 1 thread", "ns/event", per_event("group"), BOTH, most = { w1 = 8, w2 = 8 } },
    { "  2 threads against 1", "x faster", ratio("group", 1, "group", 2), BOTH },
    { "values alike but inside, against random", "x slower", between("alike/read_events", "random/read_events"), W1,
        most = { w1 = 2 } },

    { title = "Writing" },
    { "scores to a file", "MB/s", rate(written_bytes, "write/one"), BOTH, least = { w1 = 300, w2 = 300 } },
    { "  printing alone", "MB/s", rate(written_bytes, "print/one"), BOTH },

    { title = "From CSV to a file of scores, by the command" },
    { "1 thread", "s", time("command", 1, 1), BOTH },
    { "2 threads", "s", time("command", 1, 2), BOTH },
    { "2 threads against 1", "x faster", ratio("command", 1, "command", 2), BOTH },
    { "DuckDB, 1 thread", "x slower", peer_ratio("duckdb_csv", "command", 1), W1, least = { w1 = 8 } },
    { "DuckDB, 2 threads", "x slower", peer_ratio("duckdb_csv", "command", 2), W1, least = { w1 = 8 } },
    { "ten times the events", "x slower", between("w1/command", "tenth/command"), W1, most = { w1 = 10.5 } },
    { "with scores of companies, 1 thread", "s", time("accounts", 1, 1), W1 },
    { "most memory", "MB", peak("command/peak"), BOTH, most = { w1 = 1300 } },

    { title = "One record of 200 events" },
    { "held in C", "us", time("held", US), BOTH, most = { w1 = 0.5, w2 = 0.5 } },
    { "of a ledger: scored again", "us", time("live_score", US), BOTH },
    { "of a ledger: an event added, scored", "us", time("live_add_score", US), BOTH, most = { w1 = 1 } },
    { "of a ledger: an event added", "us", time("live_add", US), BOTH },
    { "Lua 5.4 tables, texts seen before", "us", time("5.4/record_seen", US), BOTH, most = { w1 = 12, w2 = 12 } },
    { "LuaJIT tables, texts seen before", "us", time("jit/record_seen", US), BOTH, most = { w1 = 12, w2 = 12 } },
    { "  Lua 5.4, a loop over all fields", "us", time("5.4/record_walk", US), BOTH },
    { "  LuaJIT, a loop over all fields", "us", time("jit/record_walk", US), BOTH },
    { "Lua 5.4 tables, new texts", "us", time("5.4/record_cold", US), BOTH, most = { w1 = 40, w2 = 40 } },
    { "LuaJIT tables, new texts", "us", time("jit/record_cold", US), BOTH, most = { w1 = 40, w2 = 40 } },
    { "Lua 5.4 tables, new texts, times as texts", "us", time("5.4/record_cold_time_texts", US), BOTH },
    { "LuaJIT tables, new texts, times as texts", "us", time("jit/record_cold_time_texts", US), BOTH },

    { title = "Definitions" },
    { "50 rules, Lua 5.4 table to plan", "ms", time("5.4/compile", MS), BOTH, most = { w1 = 1, w2 = 1 } },
    { "50 rules, LuaJIT table to plan", "ms", time("jit/compile", MS), BOTH, most = { w1 = 1, w2 = 1 } },
    { "a call into C from Lua 5.4", "ns", time("5.4/crossing", NS), W1 },
    { "a call into C from LuaJIT", "ns", time("jit/crossing", NS), W1 },

    { title = "The machine" },
    { "against the reference, by DuckDB", "x slower", slowness, W1 },
    { "memory read in order, one core", "MB/s", machine_rate("stream", "stream"), W1 },
    { "memory written for the first time", "MB/s", machine_rate("touch", "stream"), W1 },
    { "the bytes of W1's events, only read", "MB/s", machine_rate("file", "file"), W1 },
    slowness = slowness,
}
