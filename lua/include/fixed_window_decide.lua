--[[
May `cost` units be taken now? Windows are aligned to the epoch. Twin of src/algorithms/fixed-window.ts.
In:  p      { limit, window (ms) }
     state  of fixed_window_parse, or nil; left as it is
     cost   whole, >= 0 (0 only looks)
     now    ms
Out: allowed, remaining, retry_after (ms), reset (ms), next_state (to keep when allowed; nil when not)
]]
local function fixed_window_decide(p, state, cost, now)
  local limit, window = p.limit, p.window
  local index = math.floor(now / window)
  local count = 0
  if state then
    local ahead = state.index - index
    -- One window ahead: the clock went back a little, time stands still. Further: a clock was wrong, start anew.
    if ahead == 0 or ahead == 1 then
      index = state.index
      count = state.count
    end
  end
  local left = (index + 1) * window - now
  local free = limit - count
  if cost <= free then
    count = count + cost
    local reset = 0
    if count > 0 then reset = left < window and left or window end
    return true, free - cost, 0, reset, { index = index, count = count }
  end
  local reset = 0
  if count > 0 then reset = left < window and left or window end
  return false, free > 0 and free or 0, cost > limit and window or left, reset, nil
end
