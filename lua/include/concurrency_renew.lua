--- @include "concurrency_count"
--- @include "concurrency_take"
--[[
Starts the holder's lease anew. One whose lease is over is not revived: its place may be taken.
In:  key, p { window (lease in ms) }, holder, now (ms)
Out: true when it still held
]]
local function concurrency_renew(key, p, holder, now)
  if concurrency_count(key, now) == 0 or not redis.call('ZSCORE', key, holder) then return false end
  concurrency_take(key, p, holder, now)
  return true
end
