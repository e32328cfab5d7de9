--[[
Decides a batch of checks in one atomic step. Checks come in groups, one group for each request: when every enforced
check of a group has room, all of its checks that have room are charged; otherwise none is. Groups are served in order.
A counter that several groups ask for is read once and written once.

KEYS   one counter for each check, in the order of the checks
ARGV   [1] the number of policies P
       then P times: code, limit, window in ms, extra
         f  fixed window                          s  sliding window, extra = number of buckets
         t  token bucket, extra = burst           c  concurrency, window = lease of a holder in ms
       then for each check: policy * 8 + (a cost follows ? 4 : 0) + (last of its group ? 2 : 0) + (shadow ? 1 : 0),
         the cost unless it is 1, and, for concurrency only, the holder's name
Reply  the server's time in Unix ms, then for each check
       when it has room: remaining, reset in ms
       when it has not:  -1 - remaining, reset in ms, retry after in ms
]]
--- @include "server_time"
--- @include "policies"
--- @include "counters"

local now = server_time()
local policies, at = read_policies(ARGV)
local counters = new_counters(now)
local reply = { now }
local filled = 1
local group_key, group_policy, group_next, group_allowed = {}, {}, {}, {}
local size, passes = 0, true

for i = 1, #KEYS do
  local head = tonumber(ARGV[at])
  local flags = head % 8
  local p = policies[(head - flags) / 8]
  at = at + 1
  local cost = 1
  if flags >= 4 then
    cost = tonumber(ARGV[at])
    at = at + 1
    flags = flags - 4
  end
  local key = KEYS[i]
  local allowed, remaining, retry_after, reset, next_state
  if p.code == 'c' then
    next_state = ARGV[at]
    at = at + 1
    allowed, remaining, retry_after, reset = counters.holders_decide(key, p, next_state)
  else
    allowed, remaining, retry_after, reset, next_state = counters.decide(key, p, cost)
  end
  reply[filled + 2] = reset
  if allowed then
    reply[filled + 1] = remaining
    filled = filled + 2
  else
    reply[filled + 1] = -1 - remaining
    reply[filled + 3] = retry_after
    filled = filled + 3
  end
  size = size + 1
  group_key[size], group_policy[size], group_next[size], group_allowed[size] = key, p, next_state, allowed
  -- flags: 1 = shadow, 2 = last of its group
  if not allowed and flags % 2 == 0 then passes = false end
  if flags >= 2 then
    if passes then
      for m = 1, size do
        if group_allowed[m] then
          if group_policy[m].code == 'c' then
            counters.hold(group_key[m], group_policy[m], group_next[m])
          else
            counters.keep(group_key[m], group_policy[m], group_next[m])
          end
        end
      end
    end
    size, passes = 0, true
  end
end

counters.write()
return reply
