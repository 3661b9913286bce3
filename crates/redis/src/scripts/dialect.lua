-- Plain streams by type, as an agent bus writes them, with the mark of the mirror that writes.
-- ARGV: namespace, field of the mark, its number before, the mark, then type and JSON of each event.
-- Gives how many were written.
local MARKS = ns .. 'mirror'
local found = redis.call('HGET', MARKS, ARGV[2])
if int(string.match(found or '0', '^%d+')) ~= int(ARGV[3]) then
  return redis.error_reply('HWMARK the mark was moved by somebody else')
end
-- A script that fails half-way keeps what it did: so everything is looked at first.
local seen = {}
for i = 5, #ARGV, 2 do
  if not seen[ARGV[i]] then
    seen[ARGV[i]] = true
    local kind = redis.call('TYPE', 'events:' .. ARGV[i]).ok
    if kind ~= 'none' and kind ~= 'stream' then
      return redis.error_reply('HWKEY events:' .. ARGV[i] .. ' is no stream')
    end
  end
end
for i = 5, #ARGV, 2 do
  redis.call('XADD', 'events:' .. ARGV[i], '*', 'data', ARGV[i + 1])
end
redis.call('HSET', MARKS, ARGV[2], ARGV[4])
return (#ARGV - 4) / 2
