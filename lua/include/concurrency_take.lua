--[[
Gives `holder` a lease from now on, new or renewed. Only after concurrency_decide allowed it.
In:  key (of a sorted set), p { window (lease in ms) }, holder, now (ms)
]]
local function concurrency_take(key, p, holder, now)
  local lease = p.window
  redis.call('ZADD', key, now + lease, holder)
  -- The key must outlive its longest lease: never shorten what a longer lease, before a reload, asked for.
  if redis.call('PTTL', key) < lease then redis.call('PEXPIRE', key, lease) end
end
