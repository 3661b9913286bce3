-- What every script begins with.
--
-- Lua's numbers are doubles: whole up to 2^53. A position is a microsecond since 1970 or close behind one, which needs
-- 51 bits today and fits until the year 2255; times are milliseconds. Nothing larger is ever computed with.
local ns = ARGV[1] .. ':'
local META = ns .. 'meta'

local function num(n) return string.format('%.0f', n) end
local function entry(n) return string.format('%.0f-0', n) end
local function int(text) return tonumber(text or 0) or 0 end

-- The present in microseconds: the server's, or a test's.
local function present(clock)
  if clock > 0 then return clock end
  local t = redis.call('TIME')
  return tonumber(t[1]) * 1000000 + tonumber(t[2])
end

-- A run's record is an array, in this order.
local STATE, FIRST, LAST, ENDED, TRIMMED, REMOVED, DURABLE, TRANSIENT = 1, 2, 3, 4, 5, 6, 7, 8
local FIRST_AT, LAST_AT, ENDED_AT, INTERNAL_REMOVED = 9, 10, 11, 12
-- By class (durable, transient, internal): the last position, and how many are kept.
local LAST_OF = { d = 13, t = 14, i = 15 }
local KEPT = { d = 16, t = 17, i = 18 }
-- Kept encoded bytes: durable and internal events together, transient ones.
local BYTES = { d = 19, t = 20, i = 19 }
local LANE = 21
local MARK_OF = { d = REMOVED, t = TRIMMED, i = INTERNAL_REMOVED }
-- Durable and internal events have one limit, transient ones another.
local KIND = { d = 'd', t = 't', i = 'd' }

local function body_key(run, class) return ns .. 's:' .. run .. ':' .. class end

local function load_run(tenant, stream)
  local packed = redis.call('HGET', ns .. 'r:' .. tenant, stream)
  return packed and cmsgpack.unpack(packed)
end

-- What expired by itself, or was deleted by somebody else, is missing too.
local function settle_expired(rec, run)
  for _, class in ipairs({ 'd', 't', 'i' }) do
    if rec[KEPT[class]] > 0 and redis.call('EXISTS', body_key(run, class)) == 0 then
      rec[MARK_OF[class]] = math.max(rec[MARK_OF[class]], rec[LAST_OF[class]])
    end
  end
  return rec
end

-- Whether the data is still that of the log which the caller knows.
local function replaced(epoch)
  return redis.call('HGET', META, 'epoch') ~= epoch
end
local REPLACED = 'HWEPOCH the data was replaced'

-- Whether a run was deleted by our own means, with what it had at a position.
local function is_deleted(run, position)
  local tenant, stream = string.match(run, '^([^:]*):(.*)$')
  local gone = tenant and redis.call('HGET', ns .. 'g:' .. tenant, stream)
  local to, why = string.match(gone or '', '^(%d+):(.)$')
  return why == 'd' and tonumber(to) >= position
end

-- Changes with whatever takes events away at once: a deletion, another start of the server, other data.
local function stamp()
  local meta = redis.call('HMGET', META, 'epoch', 'run', 'deletions')
  return (meta[1] or '') .. ':' .. (meta[2] or '') .. ':' .. (meta[3] or '0')
end
