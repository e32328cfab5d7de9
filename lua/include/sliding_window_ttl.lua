--[[
In:  p { window (ms), extra (buckets) }, state, now (ms)
Out: ms after which the state is worth no more than none, >= 1
]]
local function sliding_window_ttl(p, state, now)
  local buckets = p.extra
  local left = (state.index + buckets) * math.ceil(p.window / (buckets - 1)) - now
  return left > 1 and left or 1
end
