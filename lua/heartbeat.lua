--[[
Says that an instance is alive (or leaves), and tells how many are and whose busiest keys somebody asks for.

KEYS   [1] sorted set of instances by the end of their lease, Unix ms  [2] the number of resets so far
       [3] sorted set of the limits asked for, by the end of the asking
ARGV   [1] the instance  [2] lease in ms; 0 = it leaves
Reply  live instances, resets so far, 1 when the instance was not there before, the limits asked for
]]
--- @include "server_time"

local now = server_time()
local lease = tonumber(ARGV[2])
local joined = 0
if lease > 0 then
  joined = redis.call('ZADD', KEYS[1], now + lease, ARGV[1])
  redis.call('PEXPIRE', KEYS[1], lease * 2)
else
  redis.call('ZREM', KEYS[1], ARGV[1])
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', now)
local wanted = redis.call('ZRANGE', KEYS[3], 0, -1)
return { redis.call('ZCARD', KEYS[1]), tonumber(redis.call('GET', KEYS[2]) or 0), joined, wanted }
