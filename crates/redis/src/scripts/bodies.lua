-- The bodies that references of feeds lead to.
-- ARGV: namespace, epoch, then run, class and entry id of each.
-- Gives for each the entry, 0 if its stream was deleted, or 1 if it is missing.
if replaced(ARGV[2]) then return redis.error_reply(REPLACED) end
local found = {}
for i = 3, #ARGV, 3 do found[#found + 1] = body_of(ARGV[i], ARGV[i + 1], ARGV[i + 2]) end
return found
