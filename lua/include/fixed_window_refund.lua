--[[
Gives `cost` units back to the window they were taken in; nothing when that window is not the state's.
In:  p { window (ms) }, state (left as it is), cost, taken_at (the `now` of that decision)
Out: the state to keep
]]
local function fixed_window_refund(p, state, cost, taken_at)
  if state.index ~= math.floor(taken_at / p.window) then return state end
  local count = state.count - cost
  return { index = state.index, count = count > 0 and count or 0 }
end
