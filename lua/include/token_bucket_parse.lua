--[[
The state of a token bucket as Redis keeps it: `t:<level>:<at>`.
In:  raw    the string of GET, or false/nil when there is none
Out: state  { level = units times window in ms, so that refilling stays whole; at = ms of that level };
            nil when there is none or it is not one of ours
]]
local function token_bucket_parse(raw)
  if not raw then return nil end
  local level, at = string.match(raw, '^t:(%d+):(%d+)$')
  if not level then return nil end
  level, at = level + 0, at + 0
  if level >= 9007199254740992 or at >= 9007199254740992 then return nil end
  return { level = level, at = at }
end
