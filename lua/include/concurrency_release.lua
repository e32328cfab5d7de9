--- @include "concurrency_count"
--[[
Ends the holder's lease.
In:  key, holder, now (ms)
Out: true when it still held
]]
local function concurrency_release(key, holder, now)
  return concurrency_count(key, now) > 0 and redis.call('ZREM', key, holder) == 1
end
