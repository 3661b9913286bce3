-- What stands in feeds behind a place, all of them at one moment, with the bodies that it leads to.
-- ARGV: namespace, epoch, the place (an entry's id), at most how many entries of each feed, about how many bodies and bytes
--   of them in all, 1 if tenants that are new are told, the tenants.
-- Gives for each feed that has something { tenant, { id, fields, { bodies as they are found by bodies.lua } … } }. The
-- tenants that are new come as a feed without a name. Bodies for which there was no room are left out, from the first on.
if replaced(ARGV[2]) then return redis.error_reply(REPLACED) end
local from, count, bodies, bytes = ARGV[3], ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6])
local names = {}
for i = 8, #ARGV do names[ns .. 'f:' .. ARGV[i]] = ARGV[i] end

-- The bodies of an entry, as far as there is room.
local function lead(tenant, id, fields)
  local found, segment = {}, tonumber(string.match(id, '^(%d+)%-'))
  if fields[1] ~= '1' then return found end
  for f = 3, #fields, 2 do
    local class, behind = string.sub(fields[f], 1, 1), tonumber(fields[f + 1])
    if bodies <= 0 or bytes <= 0 or not behind or behind > segment then break end
    if class == 'x' then
      found[#found + 1] = 0
    else
      local got = body_of(tenant .. ':' .. string.sub(fields[f], 2), class, entry(segment - behind))
      found[#found + 1] = got
      bodies = bodies - 1
      if type(got) == 'table' then
        for b = 4, #got[2], 2 do bytes = bytes - #got[2][b] end
      end
    end
  end
  return found
end

local all = {}
local function read(keys)
  local args = { 'COUNT', count, 'STREAMS' }
  for _, key in ipairs(keys) do args[#args + 1] = key end
  for _ = 1, #keys do args[#args + 1] = from end
  for _, feed in ipairs(redis.call('XREAD', unpack(args)) or {}) do
    local tenant, entries = names[feed[1]], {}
    for i, one in ipairs(feed[2]) do
      entries[i] = { one[1], one[2], tenant and lead(tenant, one[1], one[2]) or {} }
    end
    all[#all + 1] = { tenant or '', entries }
  end
end

local keys = {}
for i = 8, #ARGV do
  keys[#keys + 1] = ns .. 'f:' .. ARGV[i]
  -- Lua passes a bounded number of arguments.
  if #keys == 1000 then
    read(keys)
    keys = {}
  end
end
if ARGV[7] == '1' then keys[#keys + 1] = ns .. 'ta' end
if #keys > 0 then read(keys) end
return all
