-- A page of one stream, by class, with what is known of what is missing.
-- ARGV: namespace, epoch, tenant, stream, after, limit, bytes, classes ('dt' or 'dti').
-- Gives { last, lost, forgotten, gone, record, { { entries, more } by class } }.
if replaced(ARGV[2]) then return redis.error_reply(REPLACED) end
local tenant, stream, after = ARGV[3], ARGV[4], ARGV[5]
local limit, budget = tonumber(ARGV[6]), tonumber(ARGV[7])
local run = tenant .. ':' .. stream
local meta = redis.call('HMGET', META, 'last', 'lost', 'forgotten')
if tonumber(after) >= int(meta[1]) then return { meta[1] } end
local gone = redis.call('HGET', ns .. 'g:' .. tenant, stream)
local rec = load_run(tenant, stream)
local parts = {}
if rec then
  settle_expired(rec, run)
  for class in string.gmatch(ARGV[8], '.') do
    local key, at, entries, events, bytes, more = body_key(run, class), '(' .. after, {}, 0, 0, false
    while not more do
      local part = redis.call('XRANGE', key, at, '+', 'COUNT', 32)
      for i = 1, #part do
        -- What somebody wrote behind an event is told together with it.
        if (events > limit or bytes > budget) and string.sub(part[i][1], -2) == '-0' then
          more = true
          break
        end
        local fields = part[i][2]
        entries[#entries + 1] = part[i]
        events = events + math.floor(#fields / 2) - 1
        for f = 4, #fields, 2 do bytes = bytes + #fields[f] end
      end
      if #part < 32 then break end
      at = '(' .. part[32][1]
    end
    parts[#parts + 1] = { entries, more and 1 or 0 }
  end
end
return { meta[1], meta[2] or '', meta[3] or '0', gone or '', rec and cmsgpack.pack(rec) or '', parts }
