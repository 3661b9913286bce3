-- A page of a tenant or a lane: its references, with the bodies they lead to.
-- ARGV: namespace, epoch, key of the references, their mark, prefix of the runs in it, the tenant wanted of a lane or '',
--   after (a position or an entry's id), limit, bytes.
-- Gives { last, lost, removed, stamp, upto, more, { bodies and foreign entries } }.
-- more: 1 if there is more, and the page is full or enough was looked at for now.
if replaced(ARGV[2]) then return redis.error_reply(REPLACED) end
local key, prefix, only = ns .. ARGV[3], ARGV[5], ARGV[6]
local after, limit, budget = ARGV[7], tonumber(ARGV[8]), tonumber(ARGV[9])
local meta = redis.call('HMGET', META, 'last', 'lost')
if int(string.match(after, '^%d+')) >= int(meta[1]) then return { meta[1] } end
if only ~= '' then only = only .. ':' end
local removed = redis.call('HGET', ns .. 'm', ARGV[4]) or '0'
local place = int(string.match(after, '^%d+'))
local at, upto, found, events, bytes, seen, more = '(' .. after, '', {}, 0, 0, 0, false
while not more do
  local part = redis.call('XRANGE', key, at, '+', 'COUNT', 32)
  for i = 1, #part do
    -- Bounded, so that a lane which holds little of a tenant does not hold up the server.
    local id, fields = part[i][1], part[i][2]
    if seen >= 2048 and string.sub(id, -2) == '-0' then
      more = true
      break
    end
    local full = events >= limit or bytes >= budget
    local segment = tonumber(string.match(id, '^(%d+)%-0$'))
    local whole = segment ~= nil
    for f = 1, #fields, 2 do
      local behind = tonumber(fields[f + 1])
      if not (segment and behind) then
        whole = false
      elseif string.sub(fields[f], 1, #only) == only then
        local body = entry(segment - behind)
        local got = redis.call('XRANGE', body_key(prefix .. fields[f], 'd'), body, body)[1]
        if got and full then
          more = true
          break
        elseif got then
          found[#found + 1] = got
          -- Of the first ones some may have been read before.
          local had = 0
          if seen == 0 then
            local first = int(string.match(got[2][2] or '', '^%d+:(%d+)$'))
            for f = 3, #got[2], 2 do
              if first + math.floor(int(got[2][f]) / 64) <= place then had = had + 1 end
            end
          end
          events = events + math.floor(#got[2] / 2) - 1 - had
          for b = 4 + 2 * had, #got[2], 2 do bytes = bytes + #got[2][b] end
        elseif segment - behind > tonumber(removed) and not is_deleted(prefix .. fields[f], segment - behind) then
          -- Gone by nobody's order: it expired, or was deleted past us.
          removed = num(segment - behind)
        end
      end
    end
    -- There is more, and no room for it. What somebody wrote behind an event is told together with it.
    if more then break end
    if not whole then found[#found + 1] = { id, {} } end
    upto = id
    seen = seen + 1
  end
  if #part < 32 then break end
  at = '(' .. part[32][1]
end
return { meta[1], meta[2] or '', removed, stamp(), upto, more and 1 or 0, found }
