--[[
Asks all instances for the busiest keys of a limit: each sees it with its next heartbeat.

KEYS   [1] sorted set of the limits asked for, by the end of the asking, Unix ms
       [2] sorted set of instances by the end of their lease
ARGV   [1] the limit  [2] how long to ask, in ms  [3] limits that may be asked for at once
Reply  the live instances
]]
--- @include "server_time"

local now = server_time()
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
if redis.call('ZSCORE', KEYS[1], ARGV[1]) or redis.call('ZCARD', KEYS[1]) < tonumber(ARGV[3]) then
  redis.call('ZADD', KEYS[1], now + tonumber(ARGV[2]), ARGV[1])
  redis.call('PEXPIRE', KEYS[1], tonumber(ARGV[2]) * 2)
end
return redis.call('ZRANGE', KEYS[2], 0, -1)
