--[[
Tells all instances to drop what they remember of denials: a counter was reset.

KEYS   [1] the number of resets so far
ARGV   none
Reply  the new number
]]
return redis.call('INCR', KEYS[1])
