-- Makes the log, or notices that the server was started anew.
-- ARGV: namespace, run id, server, safe, epoch and salt if it is new, lanes, the last position the caller has seen,
-- clock, the largest number of lost places that are remembered, for how many
-- seconds the server has been running.
local run, server, safe = ARGV[2], ARGV[3], ARGV[4]
local now = present(tonumber(ARGV[9]))
local had = redis.call('HMGET', META, 'epoch', 'lanes', 'salt', 'run', 'server', 'safe', 'last', 'lost', 'format', 'at')
if not had[1] then
  redis.call('HSET', META, 'format', '1', 'epoch', ARGV[5], 'salt', ARGV[6], 'lanes', ARGV[7], 'run', run,
    'server', server, 'safe', safe, 'last', '0', 'floor', ARGV[8], 'state', num(now))
  return { '1', ARGV[5], ARGV[7], ARGV[6], '0', '' }
end
local last, lost = int(had[7]), had[8] or ''
if had[4] ~= run then
  if last > 0 then
    -- The server may have come back without its newest entries. Positions go on where none of them can have stood: a
    -- minute ahead at a million events a second.
    local to = math.max(last + 60000000, now)
    -- One that was running already when the last event was stored elsewhere has it from there, perhaps not all of it.
    -- A server tells its age as a difference of whole seconds: it may have been started up to a second later than that
    -- says, so that one which comes back at once is not taken for another.
    local started = present(0) / 1000 - tonumber(ARGV[11]) * 1000 + 1000
    if not (had[6] == '1' and had[5] == server and started >= int(had[10])) then
      local all = lost == '' and {} or cmsgpack.unpack(lost)
      all[#all + 1] = last
      all[#all + 1] = to
      while #all > 2 * tonumber(ARGV[10]) do
        -- The two oldest places become one.
        table.remove(all, 2)
        table.remove(all, 2)
      end
      lost = cmsgpack.pack(all)
    end
    last = to
  end
  redis.call('HSET', META, 'run', run, 'last', num(last), 'lost', lost)
  -- Nor do versions of state values come back.
  redis.call('HINCRBY', META, 'state', 1000000)
end
redis.call('HSET', META, 'server', server, 'safe', safe)
return { had[9], had[1], had[2], had[3], num(last), lost }
