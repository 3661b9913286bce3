-- Stores a group of batches: all of it, or nothing.
-- ARGV: namespace, plan, the events' JSON one by one.
-- plan: { epoch, run id, clock in µs or 0, dedup window in ms or 0, cap of a feed, expiry of transient and of all events
--   after the end in ms or 0, tenants { name… }, streams { tenant, name, lane … }, events { stream, class + 4 mark … },
--   fingerprints (16 bytes each), the last event of each segment { … } }
local plan = cmsgpack.unpack(ARGV[2])
local epoch, run_id, clock, window, cap = plan[1], plan[2], plan[3], plan[4], plan[5]
local expire_deltas, expire_all = plan[6], plan[7]
local tenants, streams, events, prints, segments = plan[8], plan[9], plan[10], plan[11], plan[12]
local CLASSES = { [0] = 'd', 't', 'i' }

local meta = redis.call('HMGET', META, 'epoch', 'run', 'last', 'floor', 'dedup', 'd', 'db', 't', 'tb')
if meta[1] ~= epoch then return redis.error_reply(REPLACED) end
if meta[2] ~= run_id then return redis.error_reply('HWRUN the server was started anew') end
local now = present(clock)
local now_ms = math.floor(now / 1000)
local last = int(meta[3])
local first = math.max(last, int(meta[4]), now - 1) + 1
local kept = { d = int(meta[6]), t = int(meta[8]) }
local bytes = { d = int(meta[7]), t = int(meta[9]) }

-- Runs, loaded once each. A key of another type fails here, before anything was written.
local names, runs = {}, {}
for s = 1, #streams / 3 do
  local tenant, name = tenants[streams[3 * s - 2]], streams[3 * s - 1]
  names[s] = tenant .. ':' .. name
  runs[s] = load_run(tenant, name) or false
end

-- Duplicates. Time for that never goes back, so that no window is entered twice.
local ids, found, bucket = {}, {}, 0
local count = #events / 2
if window > 0 then
  bucket = math.max(math.floor(now_ms / window), int(meta[5]))
  for i = 1, count do ids[i] = string.sub(prints, 16 * i - 15, 16 * i) end
  for b = bucket, bucket - 1, -1 do
    for from = 1, count, 1000 do
      local part = redis.call('HMGET', ns .. 'd:' .. num(b), unpack(ids, from, math.min(from + 999, count)))
      for j = 1, #part do
        if part[j] and not found[from + j - 1] then found[from + j - 1] = part[j] end
      end
    end
  end
end
-- A first event whose stream was deleted stands nowhere.
local function stands(tenant, stream, position)
  local rec = load_run(tenant, stream)
  return rec and rec[FIRST] <= position
end

-- What was kept of a run and is not there any more.
local missing = {}
local function vanished(s, class)
  local rec = runs[s]
  local position, kind = rec[LAST_OF[class]], KIND[class]
  rec[MARK_OF[class]] = math.max(rec[MARK_OF[class]], position)
  kept[kind] = kept[kind] - rec[KEPT[class]]
  rec[KEPT[class]] = 0
  if class == 't' or rec[KEPT.d] + rec[KEPT.i] <= 0 then
    bytes[kind] = bytes[kind] - rec[BYTES[class]]
    rec[BYTES[class]] = 0
  end
  if class == 'd' then
    local tenant, lane = tenants[streams[3 * s - 2]], num(rec[LANE])
    for _, key in ipairs({ 't:' .. tenant, 'l:' .. lane, 'x:' .. tenant .. ':' .. lane }) do
      missing[key] = math.max(missing[key] or 0, position)
    end
  end
end

-- What was added so far, to be taken back if something fails: a script that fails keeps what it did.
local added, failure = {}, nil
local function add(key, args)
  if failure then return end
  local answer = redis.pcall('XADD', unpack(args))
  if type(answer) == 'table' and answer.err then
    failure = answer.err .. ' (' .. key .. ')'
  else
    added[#added + 1] = key
    added[#added + 1] = answer
  end
end

local next_position = first
local dups, seen = {}, {}
local remember = {}
local from = 1
local feed_before, orders = {}, {}
for _, to in ipairs(segments) do
  -- The bodies of this segment, by stream and class.
  local parts, by_stream = {}, {}
  for i = from, to do
    local s, kind = events[2 * i - 1], events[2 * i]
    local id = ids[i]
    local dup
    if id then
      dup = seen[id]
      if not dup and found[i] then
        local position, at = struct.unpack('>dd', found[i])
        if stands(tenants[streams[3 * s - 2]], string.sub(found[i], 17), position) then dup = { position, at } end
      end
    end
    if dup then
      dups[#dups + 1] = i
      dups[#dups + 1] = dup[1]
      dups[#dups + 1] = dup[2]
    else
      local class = CLASSES[kind % 4]
      local at = next_position
      next_position = at + 1
      local body = ARGV[i + 2]
      local mine = by_stream[s]
      if not mine then
        mine = {}
        by_stream[s] = mine
      end
      local part = mine[class]
      if not part then
        local key = body_key(names[s], class)
        -- One that expired, or was deleted past us, is noticed before it begins anew.
        if runs[s] and runs[s][KEPT[class]] > 0 and redis.call('EXISTS', key) == 0 then vanished(s, class) end
        part = { s = s, class = class, key = key, first = at, n = 0, bytes = 0,
          args = { key, '', '1', num(now_ms) .. ':' .. num(at) } }
        mine[class] = part
        parts[#parts + 1] = part
      end
      local args = part.args
      args[#args + 1] = (at - part.first) * 64 + kind
      args[#args + 1] = body
      part.last = at
      part.n = part.n + 1
      part.bytes = part.bytes + #body
      local rec = runs[s]
      if not rec then
        rec = { 0, at, at, 0, 0, 0, 0, 0, now_ms, now_ms, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, streams[3 * s] }
        runs[s] = rec
        rec.new = true
      end
      rec.touched = true
      rec[LAST] = at
      rec[LAST_AT] = now_ms
      if class == 'd' then rec[DURABLE] = rec[DURABLE] + 1
      elseif class == 't' then rec[TRANSIENT] = rec[TRANSIENT] + 1 end
      local mark = math.floor(kind / 4)
      if mark == 1 then
        rec.reopened = rec.reopened or rec[ENDED] > 0
        rec.over = false
        rec[STATE], rec[ENDED], rec[ENDED_AT] = 0, 0, 0
      elseif mark > 1 then
        rec.over = true
        rec[STATE], rec[ENDED], rec[ENDED_AT] = mark - 1, at, now_ms
      end
      if id then
        seen[id] = { at, now_ms }
        remember[#remember + 1] = id
        remember[#remember + 1] = struct.pack('>dd', at, now_ms) .. streams[3 * s - 1]
      end
    end
  end
  from = to + 1
  -- One entry for each stream and class; references to them, all under the last position of the segment.
  local segment = next_position - 1
  local refs, feeds, order, arrived = {}, {}, {}, nil
  for _, part in ipairs(parts) do
    local s = part.s
    part.args[2] = entry(part.last)
    add(part.key, part.args)
    local class, behind = part.class, segment - part.last
    local tenant, name, lane = streams[3 * s - 2], streams[3 * s - 1], streams[3 * s]
    if class == 'd' then
      local key = ns .. 't:' .. tenants[tenant]
      refs[key] = refs[key] or { key, entry(segment) }
      table.insert(refs[key], name)
      table.insert(refs[key], behind)
      key = ns .. 'l:' .. num(lane)
      refs[key] = refs[key] or { key, entry(segment) }
      table.insert(refs[key], names[s])
      table.insert(refs[key], behind)
    end
    local feed = feeds[tenant]
    if not feed then
      local key = ns .. 'f:' .. tenants[tenant]
      if not feed_before[tenant] then
        feed_before[tenant] = redis.call('HGET', ns .. 'tn', tenants[tenant]) or '0-0'
        if feed_before[tenant] == '0-0' then
          arrived = arrived or { ns .. 'ta', entry(segment) }
          arrived[#arrived + 1] = tenants[tenant]
          arrived[#arrived + 1] = '1'
        end
      end
      -- Each entry names the one before it, so that whoever reads on knows if some were dropped between.
      feed = { key, 'MAXLEN', '~', cap, entry(segment), '1', feed_before[tenant] }
      feed_before[tenant] = entry(segment)
      feeds[tenant] = feed
    end
    feed[#feed + 1] = class .. name
    feed[#feed + 1] = behind
    local kind = KIND[class]
    order[kind] = order[kind] or { ns .. 'o:' .. kind, entry(segment), '1', num(now_ms) }
    table.insert(order[kind], class .. names[s])
    table.insert(order[kind], num(behind) .. ' ' .. part.n .. ' ' .. part.bytes)
    local rec = runs[s]
    rec[LAST_OF[class]] = part.last
    rec[KEPT[class]] = rec[KEPT[class]] + part.n
    rec[BYTES[class]] = rec[BYTES[class]] + part.bytes
    kept[kind] = kept[kind] + part.n
    bytes[kind] = bytes[kind] + part.bytes
  end
  for key, args in pairs(refs) do add(key, args) end
  for _, args in pairs(feeds) do add(args[1], args) end
  for _, args in pairs(order) do add(args[1], args) end
  if arrived then add(arrived[1], arrived) end
  if failure then break end
end
if failure then
  for i = 1, #added, 2 do redis.call('XDEL', added[i], added[i + 1]) end
  return redis.error_reply('HWKEY ' .. failure)
end

if next_position > first then
  local records, fields = {}, {}
  for s = 1, #names do
    local rec = runs[s]
    if rec and rec.touched then
      local tenant, name = tenants[streams[3 * s - 2]], streams[3 * s - 1]
      if rec.new then redis.call('ZADD', ns .. 'n:' .. tenant, 0, name) end
      if rec.over then
        redis.call('ZADD', ns .. 'e:t', rec[ENDED_AT], names[s])
        redis.call('ZADD', ns .. 'e:r', rec[ENDED_AT], names[s])
      elseif rec.reopened and rec[ENDED] == 0 then
        redis.call('ZREM', ns .. 'e:t', names[s])
        redis.call('ZREM', ns .. 'e:r', names[s])
        for _, class in pairs(CLASSES) do redis.call('PERSIST', body_key(names[s], class)) end
      end
      if rec[ENDED] > 0 then
        -- A net under retention, for when nobody runs any more who would apply it.
        if expire_all > 0 then
          for _, class in pairs(CLASSES) do redis.call('PEXPIRE', body_key(names[s], class), expire_all) end
        end
        if expire_deltas > 0 then redis.call('PEXPIRE', body_key(names[s], 't'), expire_deltas) end
      end
      rec.touched, rec.new, rec.over, rec.reopened = nil, nil, nil, nil
      local of = records[tenant]
      if not of then
        of = { ns .. 'r:' .. tenant }
        records[tenant] = of
      end
      of[#of + 1] = name
      of[#of + 1] = cmsgpack.pack(rec)
    end
  end
  for _, args in pairs(records) do redis.call('HSET', unpack(args)) end
  for tenant, before in pairs(feed_before) do redis.call('HSET', ns .. 'tn', tenants[tenant], before) end
  if #remember > 0 then
    local key = ns .. 'd:' .. num(bucket)
    for at = 1, #remember, 1000 do
      redis.call('HSET', key, unpack(remember, at, math.min(at + 999, #remember)))
    end
    if bucket ~= int(meta[5]) then redis.call('PEXPIRE', key, 2 * window + 60000) end
  end
  for key, position in pairs(missing) do
    if position > int(redis.call('HGET', ns .. 'm', key)) then redis.call('HSET', ns .. 'm', key, num(position)) end
  end
  redis.call('HSET', META, 'last', num(next_position - 1), 'at', num(now_ms), 'dedup', num(bucket), 'd', num(kept.d),
    'db', num(bytes.d), 't', num(kept.t), 'tb', num(bytes.t))
end
return { first, now_ms, dups }
