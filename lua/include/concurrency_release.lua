--- @include "concurrency_sweep"
--[[
Ends the holder's lease.
In:  key, holder, now (ms)
Out: true when it still held
]]
local function concurrency_release(key, holder, now)
  return concurrency_sweep(key, now) > 0 and redis.call('ZREM', key, holder) == 1
end
