--[[
Settles what earlier checks took: gives back units, ends holdings, extends holdings. Safe to lose; none of it charges.

KEYS   one counter for each operation, in order
ARGV   [1] the number of policies P, then P times: code, limit, window in ms, extra (as in check.lua)
       then for each operation its name and operands:
         g policy cost taken_at   give back cost units taken at that server time (Unix ms)
         r holder                 the holder has finished
         n policy holder          the holder is still at it: its lease starts anew
Reply  the number of operations that found something to settle
]]
--- @include "server_time"
--- @include "policies"
--- @include "counters"

local now = server_time()
local policies, at = read_policies(ARGV)
local counters = new_counters(now)
local settled = 0

for i = 1, #KEYS do
  local name = ARGV[at]
  local found
  if name == 'g' then
    local p = policies[tonumber(ARGV[at + 1])]
    found = counters.refund(KEYS[i], p, tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3]))
    at = at + 4
  elseif name == 'r' then
    found = counters.release(KEYS[i], ARGV[at + 1])
    at = at + 2
  else
    found = counters.renew(KEYS[i], policies[tonumber(ARGV[at + 1])], ARGV[at + 2])
    at = at + 3
  end
  if found then settled = settled + 1 end
end

counters.write()
return settled
