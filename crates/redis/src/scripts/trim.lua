-- Removes what retention does not keep, a bounded piece at a time.
-- ARGV: namespace, epoch, clock, age in ms, events and bytes of the durable kind and of the transient one, time after the
--   end in ms for deltas and for whole runs, how many names of what is gone are remembered, how much is done at once.
--   -1 is no limit.
-- Gives 1 if there is more to do.
if replaced(ARGV[2]) then return redis.error_reply(REPLACED) end
local now = math.floor(present(tonumber(ARGV[3])) / 1000)
local limits = {
  d = { age = tonumber(ARGV[4]), events = tonumber(ARGV[5]), bytes = tonumber(ARGV[6]) },
  t = { age = tonumber(ARGV[7]), events = tonumber(ARGV[8]), bytes = tonumber(ARGV[9]) },
}
local deltas_after, runs_after = tonumber(ARGV[10]), tonumber(ARGV[11])
local remembered, budget = tonumber(ARGV[12]), tonumber(ARGV[13])
load_counts()

local function split(run) return string.match(run, '^([^:]*):(.*)$') end

-- One entry of the order of all events: what it led to goes from its runs.
local function take(segment, fields)
  for f = 3, #fields, 2 do
    local class, run = string.match(fields[f], '^(.)(.*)$')
    local behind, n, size = string.match(fields[f + 1] or '', '^(%d+) (%d+) (%d+)$')
    local tenant, stream = split(run or '')
    if behind and tenant then
      local position = segment - tonumber(behind)
      local key = body_key(run, class)
      local was = redis.call('XTRIM', key, 'MINID', '=', entry(position + 1))
      local rec = load_run(tenant, stream)
      if rec and rec[FIRST] <= position then
        local kind = KIND[class]
        if was > 0 or (rec[KEPT[class]] > 0 and redis.call('EXISTS', key) == 0) then
          kept[kind] = kept[kind] - tonumber(n)
          bytes[kind] = bytes[kind] - tonumber(size)
          rec[KEPT[class]] = math.max(rec[KEPT[class]] - tonumber(n), 0)
          rec[BYTES[class]] = math.max(rec[BYTES[class]] - tonumber(size), 0)
          rec[MARK_OF[class]] = math.max(rec[MARK_OF[class]], position)
          if class == 'd' then mark_refs(tenant, rec[LANE], position) end
          if rec[KEPT[class]] == 0 then redis.call('DEL', key) end
          save_run(tenant, stream, rec)
        end
        if class == 'd' then
          redis.call('XTRIM', ns .. 'l:' .. num(rec[LANE]), 'MINID', '~', entry(segment + 1))
        end
      end
      if class == 'd' then redis.call('XTRIM', ns .. 't:' .. tenant, 'MINID', '~', entry(segment + 1)) end
    end
  end
end

local more = 0
for _, kind in ipairs({ 'd', 't' }) do
  local limit, key, going = limits[kind], ns .. 'o:' .. kind, true
  while going and budget > 0 do
    local part = redis.call('XRANGE', key, '-', '+', 'COUNT', 16)
    local done
    going = #part == 16
    for i = 1, #part do
      local id, fields = part[i][1], part[i][2]
      local segment, at = tonumber(string.match(id, '^%d+')), tonumber(fields[2])
      local over = not at
        or (limit.age >= 0 and now - at > limit.age)
        or (limit.events >= 0 and kept[kind] > limit.events)
        or (limit.bytes >= 0 and bytes[kind] > limit.bytes)
      if not over then
        going = false
        break
      end
      if fields[1] == '1' and at then take(segment, fields) end
      done = id
      budget = budget - 1
    end
    if done then
      local ms, seq = string.match(done, '^(%d+)-(%d+)$')
      redis.call('XTRIM', key, 'MINID', '=', ms .. '-' .. num(tonumber(seq) + 1))
    end
  end
  if budget <= 0 then more = 1 end
end

if deltas_after >= 0 then
  local due = redis.call('ZRANGEBYSCORE', ns .. 'e:t', '-inf', '(' .. num(now - deltas_after), 'LIMIT', 0, 64)
  if #due == 64 then more = 1 end
  for _, run in ipairs(due) do
    local tenant, stream = split(run)
    local rec = load_run(tenant, stream)
    if rec and rec[KEPT.t] > 0 then
      drop_class(rec, 't')
      rec[TRIMMED] = math.max(rec[TRIMMED], rec[LAST_OF.t])
      redis.call('DEL', body_key(run, 't'))
      save_run(tenant, stream, rec)
    end
    redis.call('ZREM', ns .. 'e:t', run)
  end
end
if runs_after >= 0 then
  local due = redis.call('ZRANGEBYSCORE', ns .. 'e:r', '-inf', '(' .. num(now - runs_after), 'LIMIT', 0, 64)
  if #due == 64 then more = 1 end
  for _, run in ipairs(due) do
    local tenant, stream = split(run)
    local rec = load_run(tenant, stream)
    if rec then take_run(tenant, stream, rec, 'r') end
    redis.call('ZREM', ns .. 'e:r', run)
  end
end

-- What is remembered of what is gone is bounded too.
local forgotten = 0
local function forget(set, from_tenant)
  local over = redis.call('ZCARD', ns .. set) - remembered
  if over <= 0 then return end
  local oldest = redis.call('ZPOPMIN', ns .. set, math.min(over, 256))
  for i = 1, #oldest, 2 do
    local tenant, stream = split(oldest[i])
    from_tenant(tenant, stream, tonumber(oldest[i + 1]))
  end
  if over > 256 then more = 1 end
end
forget('x', function(tenant, stream, last)
  local rec = load_run(tenant, stream)
  -- Not if it went on since.
  if rec and rec[LAST] == last and rec[KEPT.d] + rec[KEPT.t] + rec[KEPT.i] <= 0 then
    forget_names(tenant, stream)
    forgotten = math.max(forgotten, last)
  end
end)
forget('gone', function(tenant, stream, last)
  local gone = redis.call('HGET', ns .. 'g:' .. tenant, stream)
  if gone and int(string.match(gone, '^%d+')) == last then
    redis.call('HDEL', ns .. 'g:' .. tenant, stream)
    forgotten = math.max(forgotten, last)
  end
end)
if forgotten > int(redis.call('HGET', META, 'forgotten')) then redis.call('HSET', META, 'forgotten', num(forgotten)) end
save_marks()
save_counts()
return more
