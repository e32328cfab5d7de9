--[[
One counter a key, aligned to the window.
KEYS[1]  the key
ARGV     limit, window in milliseconds
Reply    {1 allowed or 0, remaining, milliseconds until the window ends}
]]
local limit, window = tonumber(ARGV[1]), tonumber(ARGV[2])
local count = redis.call('INCR', KEYS[1])
local left
if count == 1 then
  local time = redis.call('TIME')
  left = window - (time[1] * 1000 + math.floor(time[2] / 1000)) % window
  redis.call('PEXPIRE', KEYS[1], left)
else
  left = redis.call('PTTL', KEYS[1])
end
if count > limit then return { 0, 0, left } end
return { 1, limit - count, left }
