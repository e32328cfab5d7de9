--[[
The counts of the sub-windows before the current one, once `behind` sub-windows have begun since `state`.
In:  state   of sliding_window_parse; left as it is
     behind  whole, >= 0
     keep    most counts to keep: buckets - 1
Out: older (nil when all are zero), sum
]]
local function sliding_window_advance(state, behind, keep)
  local older, sum, last = {}, 0, 0
  for i = 1, keep do
    local from = i - behind
    local count = 0
    if from == 0 then
      count = state.current
    elseif from > 0 and state.older then
      count = state.older[from] or 0
    end
    older[i] = count
    if count > 0 then
      sum = sum + count
      last = i
    end
  end
  if last == 0 then return nil, 0 end
  for i = last + 1, keep do older[i] = nil end
  return older, sum
end
