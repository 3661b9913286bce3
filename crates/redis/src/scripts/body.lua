-- The entry that a reference of a feed leads to; 0 if its stream was deleted, 1 if it is missing.
local function body_of(run, class, id)
  local got = redis.call('XRANGE', body_key(run, class), id, id)[1]
  if got then return got end
  return is_deleted(run, tonumber(string.match(id, '^%d+'))) and 0 or 1
end
