-- The bodies that references of feeds lead to.
-- ARGV: namespace, epoch, then run, class and entry id of each.
-- Gives { last, { bodies }, the last missing one that nobody deleted }.
if replaced(ARGV[2]) then return redis.error_reply(REPLACED) end
local found, missing = {}, '0'
for i = 3, #ARGV, 3 do
  local run, class, id = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local got = redis.call('XRANGE', body_key(run, class), id, id)[1]
  if got then
    found[#found + 1] = got
  else
    local tenant, stream = string.match(run, '^([^:]*):(.*)$')
    local position = tonumber(string.match(id, '^%d+'))
    local gone = redis.call('HGET', ns .. 'g:' .. tenant, stream)
    local to, why = string.match(gone or '', '^(%d+):(.)$')
    if not (why == 'd' and tonumber(to) >= position) and position > tonumber(missing) then missing = num(position) end
  end
end
return { redis.call('HGET', META, 'last'), found, missing }
