-- Writes or deletes a state value if its version is the expected one.
-- ARGV: namespace, epoch, key, expected version or '', 'put' or 'delete', value.
-- Gives { 1, new version } or { 0, the version there is or '' }.
if replaced(ARGV[2]) then return redis.error_reply(REPLACED) end
local values, key, expected = ns .. 'v', ARGV[3], ARGV[4]
local had = redis.call('HGET', values, key)
local version = had and string.match(had, '^%d+') or ''
if version ~= expected then return { 0, version } end
if ARGV[5] == 'delete' then
  redis.call('HDEL', values, key)
  redis.call('ZREM', ns .. 'k', key)
  return { 1, version }
end
local new = num(redis.call('HINCRBY', META, 'state', 1))
redis.call('HSET', values, key, new .. ' ' .. ARGV[6])
if not had then redis.call('ZADD', ns .. 'k', 0, key) end
return { 1, new }
