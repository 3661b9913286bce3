-- Deletes a stream.
-- ARGV: namespace, epoch, tenant, stream.
if replaced(ARGV[2]) then return redis.error_reply(REPLACED) end
local rec = load_run(ARGV[3], ARGV[4])
if not rec then return 0 end
load_counts()
take_run(ARGV[3], ARGV[4], rec, 'd')
save_counts()
return 1
