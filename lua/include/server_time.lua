--[[
server_time() -> whole milliseconds since the Unix epoch by this Redis server's clock, so that no gateway's clock matters.
]]
local function server_time()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
