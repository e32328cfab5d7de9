--- @include "concurrency_decide"
--- @include "concurrency_take"
--[[
concurrency_decide and, when allowed, concurrency_take.
In:  key, p { limit, window (lease in ms) }, holder, now (ms)
Out: allowed, remaining, retry_after (ms), reset (ms), in_use (after it)
]]
local function concurrency_acquire(key, p, holder, now)
  local allowed, remaining, retry_after, reset, in_use = concurrency_decide(key, p, holder, now)
  if allowed then
    concurrency_take(key, p, holder, now)
    in_use = redis.call('ZCARD', key)
  end
  return allowed, remaining, retry_after, reset, in_use
end
