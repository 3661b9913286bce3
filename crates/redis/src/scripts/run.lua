-- The record of a run.
-- ARGV: namespace, epoch, tenant, stream.
if replaced(ARGV[2]) then return redis.error_reply(REPLACED) end
local rec = load_run(ARGV[3], ARGV[4])
return rec and cmsgpack.pack(settle_expired(rec, ARGV[3] .. ':' .. ARGV[4])) or ''
