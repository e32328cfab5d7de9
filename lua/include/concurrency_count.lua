--[[
Holders alive. Only reads.
In:  key, now (ms)
Out: whole number; 0 when the key is of another type
]]
local function concurrency_count(key, now)
  local alive = redis.pcall('ZCOUNT', key, string.format('(%d', now), '+inf')
  if type(alive) ~= 'table' then return alive end
  if not string.find(alive.err, 'WRONGTYPE', 1, true) then error(alive.err) end
  return 0
end
