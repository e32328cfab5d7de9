--[[
Gives `cost` units back, less what has been refilled since they were taken: had they stayed, a full bucket would have
let that much go by. So a refund never lifts the bound; it is exact when nothing came in between.
In:  p { limit, window (ms), extra (burst) }, state (left as it is), cost, taken_at (the `now` of that decision)
Out: the state to keep
]]
local function token_bucket_refund(p, state, cost, taken_at)
  local since = state.at - taken_at
  -- Taken after this state: it was not taken from this bucket.
  if since < 0 then return state end
  local back = cost * p.window - since * p.limit
  if back <= 0 then return state end
  local full = p.extra * p.window
  local level = state.level + back
  return { level = level < full and level or full, at = state.at }
end
