--[[
In:  state  of token_bucket_decide
Out: the string to SET, `t:<level>:<at>`
]]
local function token_bucket_format(state)
  -- %d is exact up to 2^63 on 64-bit servers; tostring would round from 15 digits on.
  return string.format('t:%d:%d', state.level, state.at)
end
