--[[
May `cost` units be taken now? `limit` units are refilled over each window, `burst` caps. Twin of
src/algorithms/token-bucket.ts.
In:  p      { limit, window (ms), extra (burst) }
     state  of token_bucket_parse, or nil; left as it is
     cost   whole, >= 0 (0 only looks)
     now    ms
Out: allowed, remaining, retry_after (ms), reset (ms), next_state (to keep when allowed; nil when not)
]]
local function token_bucket_decide(p, state, cost, now)
  local limit, window, burst = p.limit, p.window, p.extra
  local full = burst * window
  local level, at = full, now
  -- A state more than one window ahead: a clock was wrong, start anew.
  if state and state.at - now <= window then
    level = state.level
    if state.at > now then
      at = state.at
    else
      level = level + (now - state.at) * limit
    end
    if level > full then level = full end
  end
  local need = cost * window
  if need <= level then
    level = level - need
    local reset = 0
    if level < full then
      reset = math.ceil((full - level) / limit) + at - now
      if reset > window then reset = window end
    end
    return true, math.floor(level / window), 0, reset, { level = level, at = at }
  end
  local reset = 0
  if level < full then
    reset = math.ceil((full - level) / limit) + at - now
    if reset > window then reset = window end
  end
  local retry = window
  if cost <= burst then retry = math.ceil((need - level) / limit) + at - now end
  return false, math.floor(level / window), retry, reset, nil
end
