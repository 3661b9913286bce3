-- Deletes a stream.
-- ARGV: namespace, epoch, tenant, stream, cap of a feed.
if replaced(ARGV[2]) then return redis.error_reply(REPLACED) end
local rec = load_run(ARGV[3], ARGV[4])
if not rec then return 0 end
load_counts()
take_run(ARGV[3], ARGV[4], rec, 'd')
save_counts()
-- Those who follow are told, in every process. The entry stands behind the last event, where no event stands.
local feed, tenants = ns .. 'f:' .. ARGV[3], ns .. 'tn'
local meta = redis.call('HMGET', META, 'last')
local id = num(int(meta[1])) .. '-' .. num(redis.call('HINCRBY', META, 'deletions', 1))
redis.call('XADD', feed, 'MAXLEN', '~', ARGV[5], id, '1', redis.call('HGET', tenants, ARGV[3]) or '0-0',
  'x' .. ARGV[4], num(rec[LAST]))
redis.call('HSET', tenants, ARGV[3], id)
return 1
