--[[
Puts down what one instance has counted of a limit's busiest keys.

KEYS   [1] where
ARGV   [1] the summary  [2] how long it is worth reading, in ms
Reply  OK
]]
return redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
