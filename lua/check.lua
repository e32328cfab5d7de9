--[[
Decides a batch of checks in one atomic step. Checks come in groups, one group for each request: when every enforced
check of a group has room, all of its checks that have room are charged; otherwise none is. Groups are served in order.
A counter that several groups ask for is read once and written once.

KEYS   one counter for each check, in the order of the checks
ARGV   [1] the number of policies P
       then P times: code, limit, window in ms, extra
         f  fixed window                          s  sliding window, extra = number of buckets
         t  token bucket, extra = burst           c  concurrency, window = lease of a holder in ms
       then for each check: policy * 4 + (last of its group ? 2 : 0) + (shadow ? 1 : 0), cost,
         and, for concurrency only, the holder's name
Reply  the server's time in Unix ms, then for each check four numbers:
       allowed (0 or 1), remaining, retry after in ms, reset in ms
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
  local shadow = head % 2 == 1
  local last = head % 4 >= 2
  local p = policies[(head - head % 4) / 4]
  local cost = tonumber(ARGV[at + 1])
  at = at + 2
  local key = KEYS[i]
  local allowed, remaining, retry_after, reset, next_state
  if p.code == 'c' then
    next_state = ARGV[at]
    at = at + 1
    allowed, remaining, retry_after, reset = counters.holders_decide(key, p, next_state)
  else
    allowed, remaining, retry_after, reset, next_state = counters.decide(key, p, cost)
  end
  reply[filled + 1] = allowed and 1 or 0
  reply[filled + 2] = remaining
  reply[filled + 3] = retry_after
  reply[filled + 4] = reset
  filled = filled + 4
  size = size + 1
  group_key[size], group_policy[size], group_next[size], group_allowed[size] = key, p, next_state, allowed
  if not allowed and not shadow then passes = false end
  if last then
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
