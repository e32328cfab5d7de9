--[[
In:  p { limit, window (ms), extra (burst) }, state, now (ms)
Out: ms after which the bucket is full, so that the state is worth no more than none, >= 1
]]
local function token_bucket_ttl(p, state, now)
  local left = math.ceil((p.extra * p.window - state.level) / p.limit) + state.at - now
  return left > 1 and left or 1
end
