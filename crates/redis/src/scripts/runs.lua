-- The records of a tenant's runs in the order of their names.
-- ARGV: namespace, epoch, tenant, after ('-' or '(name'), limit.
if replaced(ARGV[2]) then return redis.error_reply(REPLACED) end
local names = redis.call('ZRANGEBYLEX', ns .. 'n:' .. ARGV[3], ARGV[4], '+', 'LIMIT', 0, ARGV[5])
local found = {}
for i = 1, #names do
  local rec = load_run(ARGV[3], names[i])
  found[2 * i - 1] = names[i]
  found[2 * i] = rec and cmsgpack.pack(settle_expired(rec, ARGV[3] .. ':' .. names[i])) or ''
end
return found
