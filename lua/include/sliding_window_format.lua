--[[
In:  state  of sliding_window_decide
Out: the string to SET, `s:<index>:<current>,<previous>,…`
]]
local function sliding_window_format(state)
  local text = state.text
  if not text then
    local older, parts = state.older, {}
    if older then
      -- %d is exact; table.concat would round from 15 digits on.
      for i = 1, #older do parts[i] = string.format('%d', older[i]) end
    end
    text = table.concat(parts, ',')
  end
  if text == '' then return string.format('s:%d:%d', state.index, state.current) end
  return string.format('s:%d:%d,%s', state.index, state.current, text)
end
