-- The store of one machine without nginx: workers over one pair of dicts.

local shared = require("resty.leadscore.shared")

-- What is asked of a lua_shared_dict; looks: how often something was looked for.
local function new_dict()
    local values = {}
    local dict = { looks = 0 }
    function dict.get(_, key)
        dict.looks = dict.looks + 1
        return values[key]
    end
    function dict.safe_add(_, key, value)
        if values[key] ~= nil then return nil, "exists" end
        values[key] = value
        return true
    end
    function dict.safe_set(_, key, value)
        values[key] = value
        return true
    end
    dict.set = dict.safe_set
    function dict.incr(_, key, by, first)
        if dict.full then return nil, "no memory" end
        values[key] = (values[key] or first) + by
        return values[key]
    end
    function dict.delete(_, key) values[key] = nil end
    function dict.expire() end
    function dict.capacity() return 1000000 end
    function dict.free_space() return 1000000 end
    return dict
end

describe("the store of one machine", function()
    local before, time, dict, state

    before_each(function()
        before, time = rawget(_G, "ngx"), 1000
        rawset(_G, "ngx", {
            now = function() return time end,
            update_time = function() end,
            crc32_short = function(text) return #text end,
        })
        dict, state = new_dict(), new_dict()
    end)

    after_each(function() rawset(_G, "ngx", before) end)

    local function line(stamp)
        return ('{"v":1,"op":"event","ts":%d}'):format(stamp)
    end

    local function worker()
        local store = shared.new({ dict = dict, state = state })
        local cursor = store.cursor({}, "42")
        return {
            store = store, cursor = cursor,
            add = function(stamp)
                local batch = { count = 1, done = 0, cursors = { cursor }, lines = { line(stamp) }, own = {} }
                assert(store:append(batch))
                return batch.own[1]
            end,
            read = function()
                local ok, lines = store:read(cursor)
                assert(ok)
                return lines
            end,
        }
    end

    it("tells a worker what others added", function()
        local a, b = worker(), worker()
        assert.same({}, a.read())
        b.add(1)
        assert.same({ line(1) }, a.read())
        assert.is_nil(a.read())
        a.add(2)
        assert.same({ line(1), line(2) }, b.read())
    end)

    it("does not look into the large dict while nothing is added", function()
        local a = worker()
        a.add(1)
        a.read()
        local looks = dict.looks
        assert.is_nil(a.read())
        assert.is_true(a.add(2))
        assert.is_nil(a.read())
        assert.equal(looks, dict.looks)
    end)

    it("tells a worker that was not the first to add both entries", function()
        local a, b = worker(), worker()
        a.read()
        b.read()
        b.add(1)
        assert.is_false(a.add(2))
        assert.same({ line(1), line(2) }, a.read())
    end)

    it("tells an entry whose worker was killed before it counted, once it is counted", function()
        local a = worker()
        a.add(1)
        a.read()
        dict:safe_add("e:42:2", line(2))
        assert.is_nil(a.read())
        worker().store:append_recovered({ "42" }, { line(2) }, 1)
        assert.same({ line(2), line(2) }, a.read())
    end)

    it("looks each time where the counter is gone, and begins it above what it was", function()
        local a, b = worker(), worker()
        a.read()
        a.add(1)
        state:delete(a.cursor.share)
        dict:safe_add("e:42:2", line(2))
        assert.same({ line(2) }, a.read())
        time = time + 1
        b.read()
        b.add(3)
        assert.same({ line(3) }, a.read())
    end)

    it("has all look where there is no room for the counter", function()
        local a, b = worker(), worker()
        a.read()
        b.read()
        b.add(1)
        a.read()
        state.full = true
        b.add(2)
        state.full = false
        assert.same({ line(2) }, a.read())
    end)

    it("reads on where entries were put together while nobody asked", function()
        local a, b = worker(), worker()
        for stamp = 1, 3 do
            b.add(stamp)
        end
        a.read()
        assert.truthy(b.store:compact(b.cursor, 3, 1, function(_, lines) return "state of " .. #lines end))
        for place = 1, 3 do
            dict:delete("e:42:" .. place)
        end
        time = time + 60
        assert.is_nil(a.read())
        b.read()
        b.add(4)
        local ok, lines, packed = a.store:read(a.cursor)
        assert.is_true(ok)
        assert.same({ line(4) }, lines)
        assert.is_true(packed == nil or packed == "state of 3")
    end)
end)
