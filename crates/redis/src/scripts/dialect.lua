-- Writes events for plain Redis clients, each once.
-- ARGV: prefix of the marks, seconds they are kept, the most entries of a stream or 0, then key, mark and data of each.
-- Gives how many were new.
local new = 0
for i = 4, #ARGV, 3 do
  if redis.call('SET', ARGV[1] .. ARGV[i + 1], '1', 'NX', 'EX', ARGV[2]) then
    if ARGV[3] == '0' then
      redis.call('XADD', ARGV[i], '*', 'data', ARGV[i + 2])
    else
      redis.call('XADD', ARGV[i], 'MAXLEN', '~', ARGV[3], '*', 'data', ARGV[i + 2])
    end
    new = new + 1
  end
end
return new
