-- How far the log has come, and where it may have lost something.
-- ARGV: namespace, epoch.
if replaced(ARGV[2]) then return redis.error_reply(REPLACED) end
local meta = redis.call('HMGET', META, 'last', 'lost')
return { meta[1] or '0', meta[2] or '' }
