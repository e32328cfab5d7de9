--[[
Forgets one counter and tells all instances to drop what they remember of denials.

KEYS   [1] the counter  [2] the number of resets so far
ARGV   none
Reply  1 when there was such a counter, else 0
]]
local existed = redis.call('DEL', KEYS[1])
redis.call('INCR', KEYS[2])
return existed
