--[[
Reads one counter without charging it.

KEYS   [1] the counter
ARGV   [1] 1, then code, limit, window in ms, extra of its policy (as in check.lua)
Reply  present (0 or 1), remaining, reset in ms
]]
--- @include "server_time"
--- @include "policies"
--- @include "counters"

local policies = read_policies(ARGV)
local p = policies[1]
local counters = new_counters(server_time())
local allowed, remaining, retry_after, reset
if p.code == 'c' then
  allowed, remaining, retry_after, reset = counters.holders_decide(KEYS[1], p)
  -- "May one more start?" counts the asker as started.
  if allowed then remaining = remaining + 1 end
else
  allowed, remaining, retry_after, reset = counters.decide(KEYS[1], p, 0)
end
local present = redis.call('EXISTS', KEYS[1])
if present == 0 then reset = 0 end
return { present, remaining, reset }
