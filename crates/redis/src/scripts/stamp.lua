-- Whether something was taken away meanwhile: then it is another one than before.
-- ARGV: namespace, epoch.
if replaced(ARGV[2]) then return redis.error_reply(REPLACED) end
return stamp()
