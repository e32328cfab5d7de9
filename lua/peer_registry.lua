--[[
Says that a host lives (or leaves) and tells which hosts do.

KEYS   [1] sorted set of hosts by the end of their lease, Unix ms
ARGV   [1] the host's address  [2] lease in ms; 0 = it leaves
Reply  1 when the host was not there before, then the addresses of all that live
]]
--- @include "server_time"

local now = server_time()
local lease = tonumber(ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
local joined = 0
if lease > 0 then
  joined = redis.call('ZADD', KEYS[1], now + lease, ARGV[1])
  redis.call('PEXPIRE', KEYS[1], lease * 2)
else
  redis.call('ZREM', KEYS[1], ARGV[1])
end
return { joined, redis.call('ZRANGE', KEYS[1], 0, -1) }
