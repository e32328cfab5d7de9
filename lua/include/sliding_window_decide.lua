--- @include "sliding_window_advance"
--[[
May `cost` units be taken now? The window is cut into sub-windows; the oldest of the `buckets` counts is weighted by
the part of it that the window still covers. Twin of src/algorithms/sliding-window.ts, where the bounds are stated.
In:  p      { limit, window (ms), extra (buckets, 2 to 60) }
     state  of sliding_window_parse, or nil; left as it is
     cost   whole, >= 0 (0 only looks)
     now    ms
Out: allowed, remaining, retry_after (ms), reset (ms), next_state (to keep when allowed; nil when not)
]]
local function sliding_window_decide(p, state, cost, now)
  local limit, window, buckets = p.limit, p.window, p.extra
  local slice = math.ceil(window / (buckets - 1))
  local index = math.floor(now / slice)
  local elapsed = now - index * slice
  local behind = 0
  if state then
    behind = index - state.index
    if behind < 0 and behind > -buckets then
      -- Up to one window ahead: the clock went back a little, time stands still.
      index = state.index
      elapsed = 0
      behind = 0
    elseif behind < 0 or behind >= buckets then
      -- Further ahead: a clock was wrong, start anew. Or all of it is out of the window.
      state = nil
    end
  end

  -- `newest`: how many sub-windows ago units were last taken; `buckets` when never.
  local current, newer, oldest, newest, older, text, sum = 0, 0, 0, buckets, nil, '', 0
  if state then
    if behind == 0 and (not state.older or #state.older < buckets) then
      current, older, text, sum = state.current, state.older, state.text, state.sum
    else
      if behind == 0 then current = state.current end
      older, sum = sliding_window_advance(state, behind, buckets - 1)
      text = nil
    end
    oldest = older and older[buckets - 1] or 0
    newer = current + sum - oldest
    if current > 0 then
      newest = 0
    elseif older then
      newest = 1
      while older[newest] == 0 do newest = newest + 1 end
    end
  end

  local free = limit - newer - math.ceil(oldest * (slice - elapsed) / slice)
  if cost <= free then
    if cost > 0 then newest = 0 end
    local reset = 0
    if newest < buckets then
      reset = (index + buckets - newest) * slice - now
      if reset > window then reset = window end
    end
    return true, free - cost, 0, reset, { index = index, current = current + cost, older = older, text = text, sum = sum }
  end

  local reset = 0
  if newest < buckets then
    reset = (index + buckets - newest) * slice - now
    if reset > window then reset = window end
  end
  if cost > limit then return false, free > 0 and free or 0, window, reset, nil end
  -- Walk through the sub-windows to come: `room` is what the weighted count may use up in each.
  local room = limit - cost - newer
  local step = 0
  while room < 0 do
    step = step + 1
    local place = buckets - 1 - step
    oldest = place == 0 and current or older and older[place] or 0
    room = room + oldest
  end
  local wait = 0
  if oldest > 0 then
    wait = slice - math.floor(room * slice / oldest)
    if wait < 0 then wait = 0 end
  end
  return false, free > 0 and free or 0, (index + step) * slice + wait - now, reset, nil
end
