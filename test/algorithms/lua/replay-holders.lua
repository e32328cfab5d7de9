--[[
Runs one history of the concurrency algorithm with the time handed in. For tests only.

KEYS   [1] a sorted set, deleted first
ARGV   for each step: op, limit, lease, holder, now
         op: acquire, ask (decide for somebody new), renew, release, count, damage (the key becomes a string)
Reply  for each step one line: the answer, holders alive; an error when the key would stay for ever
]]
--- @include "concurrency_decide"
--- @include "concurrency_take"
--- @include "concurrency_renew"
--- @include "concurrency_release"
--- @include "concurrency_count"

local key = KEYS[1]
redis.call('DEL', key)
local lines = {}
for at = 1, #ARGV, 5 do
  local op, holder, now = ARGV[at], ARGV[at + 3], tonumber(ARGV[at + 4])
  local p = { limit = tonumber(ARGV[at + 1]), window = tonumber(ARGV[at + 2]) }
  local answer
  if op == 'acquire' or op == 'ask' then
    local asker = nil
    if op == 'acquire' then asker = holder end
    local allowed, remaining, retry_after, reset = concurrency_decide(key, p, asker, now)
    if allowed and asker then concurrency_take(key, p, asker, now) end
    answer = string.format('%s %.17g %.17g %.17g', allowed and 'yes' or 'no', remaining, retry_after, reset)
  elseif op == 'renew' then
    answer = concurrency_renew(key, p, holder, now) and 'yes' or 'no'
  elseif op == 'release' then
    answer = concurrency_release(key, holder, now) and 'yes' or 'no'
  elseif op == 'damage' then
    redis.call('SET', key, holder)
    answer = '-'
  else
    answer = '-'
  end
  local alive = concurrency_count(key, now)
  if alive > 0 and redis.call('PTTL', key) == -1 then error('a key without a time to live') end
  lines[#lines + 1] = answer .. ' ' .. string.format('%.17g', alive)
end
return lines
