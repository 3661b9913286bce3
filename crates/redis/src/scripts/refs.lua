-- A page of a tenant or a lane: its references, with the bodies they lead to.
-- ARGV: namespace, epoch, key of the references, their mark, prefix of the runs in it, the tenant wanted of a lane or '',
--   after (a position or an entry's id), limit, bytes.
-- Gives { last, lost, removed, stamp, upto, more, { bodies and foreign entries } }.
-- more: 0 that is all; there is more, and 1 the page is full, 2 it is too full, 3 enough was looked at for now.
if replaced(ARGV[2]) then return redis.error_reply(REPLACED) end
local key, prefix, only = ns .. ARGV[3], ARGV[5], ARGV[6]
local after, limit, budget = ARGV[7], tonumber(ARGV[8]), tonumber(ARGV[9])
local meta = redis.call('HMGET', META, 'last', 'lost')
if int(string.match(after, '^%d+')) >= int(meta[1]) then return { meta[1] } end
if only ~= '' then only = only .. ':' end
local removed = redis.call('HGET', ns .. 'm', ARGV[4]) or '0'
local at, upto, found, events, bytes, seen, more = '(' .. after, '', {}, 0, 0, 0, 0
while more == 0 do
  local part = redis.call('XRANGE', key, at, '+', 'COUNT', 32)
  for i = 1, #part do
    -- Bounded, so that a lane which holds little of a tenant does not hold up the server.
    local id, fields = part[i][1], part[i][2]
    -- What somebody wrote behind an event is told together with it.
    local own = string.sub(id, -2) == '-0'
    if own and (events >= limit or bytes >= budget) then
      more = (events > limit or bytes > budget) and 2 or 1
      break
    end
    if own and seen >= 2048 then
      more = 3
      break
    end
    local segment = tonumber(string.match(id, '^(%d+)%-0$'))
    local whole = segment ~= nil
    local before, new_events, new_bytes = #found, 0, 0
    for f = 1, #fields, 2 do
      local behind = tonumber(fields[f + 1])
      if not (segment and behind) then
        whole = false
      elseif string.sub(fields[f], 1, #only) == only then
        local body = entry(segment - behind)
        local got = redis.call('XRANGE', body_key(prefix .. fields[f], 'd'), body, body)[1]
        if got then
          found[#found + 1] = got
          new_events = new_events + math.floor(#got[2] / 2) - 1
          for b = 4, #got[2], 2 do new_bytes = new_bytes + #got[2][b] end
        elseif segment - behind > tonumber(removed) and not is_deleted(prefix .. fields[f], segment - behind) then
          -- Gone by nobody's order: it expired, or was deleted past us.
          removed = num(segment - behind)
        end
      end
    end
    -- Only the first is taken if it is too much, so that it is known at once where a page ends.
    if own and events > 0 and (events + new_events > limit or bytes + new_bytes > budget) then
      for f = #found, before + 1, -1 do found[f] = nil end
      more = 1
      break
    end
    events, bytes = events + new_events, bytes + new_bytes
    if not whole then found[#found + 1] = { id, {} } end
    upto = id
    seen = seen + 1
  end
  if #part < 32 then break end
  at = '(' .. part[32][1]
end
return { meta[1], meta[2] or '', removed, stamp(), upto, more, found }
