--[[
Forgets one counter.

KEYS   [1] the counter
ARGV   none
Reply  1 when there was such a counter, else 0
]]
return redis.call('DEL', KEYS[1])
