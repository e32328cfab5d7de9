--[[
Gives `cost` units back to the sub-window they were taken in; nothing when the state no longer (or not yet) has it.
In:  p { window (ms), extra (buckets) }, state (left as it is), cost, taken_at (the `now` of that decision)
Out: the state to keep
]]
local function sliding_window_refund(p, state, cost, taken_at)
  local place = state.index - math.floor(taken_at / math.ceil(p.window / (p.extra - 1)))
  if place == 0 then
    local current = state.current - cost
    if current < 0 then current = 0 end
    return { index = state.index, current = current, older = state.older, text = state.text, sum = state.sum }
  end
  local older = state.older
  if place < 0 or not older or not older[place] then return state end
  local copy, sum, last = {}, 0, 0
  for i = 1, #older do
    local count = older[i]
    if i == place then count = count > cost and count - cost or 0 end
    copy[i] = count
    if count > 0 then
      sum = sum + count
      last = i
    end
  end
  for i = last + 1, #older do copy[i] = nil end
  if last == 0 then copy = nil end
  return { index = state.index, current = state.current, older = copy, sum = sum }
end
