--[[
In:  p { window (ms) }, state, now (ms)
Out: ms after which the state is worth no more than none, >= 1
]]
local function fixed_window_ttl(p, state, now)
  local left = (state.index + 1) * p.window - now
  return left > 1 and left or 1
end
