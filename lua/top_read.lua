--[[
Reads what instances have put down of a limit's busiest keys.

KEYS   one for each instance
ARGV   none
Reply  their summaries in the order of KEYS; false where there is none (yet, or any more)
]]
local found = {}
for i, key in ipairs(KEYS) do
  found[i] = redis.call('GET', key)
end
return found
