-- What removing needs, by hand and by retention.
local kept, bytes
local function load_counts()
  local meta = redis.call('HMGET', META, 'd', 'db', 't', 'tb')
  kept = { d = int(meta[1]), t = int(meta[3]) }
  bytes = { d = int(meta[2]), t = int(meta[4]) }
end
local function save_counts()
  redis.call('HSET', META, 'd', num(math.max(kept.d, 0)), 'db', num(math.max(bytes.d, 0)),
    't', num(math.max(kept.t, 0)), 'tb', num(math.max(bytes.t, 0)))
end

local function save_run(tenant, stream, rec)
  redis.call('HSET', ns .. 'r:' .. tenant, stream, cmsgpack.pack(rec))
  if rec[KEPT.d] + rec[KEPT.t] + rec[KEPT.i] <= 0 then
    -- Remembered for a while, so that readers are told.
    redis.call('ZADD', ns .. 'x', rec[LAST], tenant .. ':' .. stream)
  end
end

-- Counts a class of a run as gone.
local function drop_class(rec, class)
  local kind = KIND[class]
  kept[kind] = kept[kind] - rec[KEPT[class]]
  rec[KEPT[class]] = 0
  if class == 't' or rec[KEPT.d] + rec[KEPT.i] <= 0 then
    bytes[kind] = bytes[kind] - rec[BYTES[class]]
    rec[BYTES[class]] = 0
  end
end

local marks = {}
local function mark(key, position)
  marks[key] = math.max(marks[key] or 0, position)
end
local function mark_refs(tenant, lane, position)
  mark('t:' .. tenant, position)
  mark('l:' .. num(lane), position)
  mark('x:' .. tenant .. ':' .. num(lane), position)
end
local function save_marks()
  for key, position in pairs(marks) do
    if position > int(redis.call('HGET', ns .. 'm', key)) then redis.call('HSET', ns .. 'm', key, num(position)) end
  end
end

local function forget_names(tenant, stream)
  local run = tenant .. ':' .. stream
  redis.call('HDEL', ns .. 'r:' .. tenant, stream)
  redis.call('ZREM', ns .. 'n:' .. tenant, stream)
  for _, set in ipairs({ 'e:t', 'e:r', 'x' }) do redis.call('ZREM', ns .. set, run) end
end

-- Takes a run whole; `why` is d (deleted) or r (retention).
local function take_run(tenant, stream, rec, why)
  local run = tenant .. ':' .. stream
  for _, class in ipairs({ 'd', 't', 'i' }) do
    drop_class(rec, class)
    redis.call('DEL', body_key(run, class))
  end
  if why == 'r' and rec[LAST_OF.d] > 0 then mark_refs(tenant, rec[LANE], rec[LAST_OF.d]) end
  forget_names(tenant, stream)
  redis.call('HSET', ns .. 'g:' .. tenant, stream, num(rec[LAST]) .. ':' .. why)
  redis.call('ZADD', ns .. 'gone', rec[LAST], run)
end
