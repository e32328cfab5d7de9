--[[
Two counters a key, the current window's and the one before, weighted by how much of that one is still in sight.
KEYS[1]  the key, a hash of w (number of the current window), c (its count), p (the count before)
ARGV     limit, window in milliseconds
Reply    {1 allowed or 0, remaining, milliseconds until the window ends}
]]
local limit, window = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local number = math.floor(now / window)
local state = redis.call('HMGET', KEYS[1], 'w', 'c', 'p')
local seen = tonumber(state[1]) or -1
local current, previous = tonumber(state[2]) or 0, tonumber(state[3]) or 0
if seen == number - 1 then
  current, previous = 0, current
elseif seen ~= number then
  current, previous = 0, 0
end
local left = window - now % window
local used = previous * left / window + current
if used + 1 > limit then return { 0, 0, left } end
redis.call('HSET', KEYS[1], 'w', number, 'c', current + 1, 'p', previous)
if seen ~= number then redis.call('PEXPIRE', KEYS[1], window * 2) end
return { 1, math.floor(limit - used - 1), left }
