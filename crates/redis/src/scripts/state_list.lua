-- State values in the order of their keys' bytes.
-- ARGV: namespace, epoch, from, to (as ZRANGEBYLEX takes them), limit.
if replaced(ARGV[2]) then return redis.error_reply(REPLACED) end
local keys = redis.call('ZRANGEBYLEX', ns .. 'k', ARGV[3], ARGV[4], 'LIMIT', 0, ARGV[5])
local found = {}
for i = 1, #keys do
  found[2 * i - 1] = keys[i]
  found[2 * i] = redis.call('HGET', ns .. 'v', keys[i]) or ''
end
return found
