--[[
In:  state  of fixed_window_decide
Out: the string to SET, `f:<index>:<count>`
]]
local function fixed_window_format(state)
  -- %d is exact up to 2^63 on 64-bit servers; tostring would round from 15 digits on.
  return string.format('f:%d:%d', state.index, state.count)
end
