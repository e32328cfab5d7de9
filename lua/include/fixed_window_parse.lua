--[[
The state of a fixed window as Redis keeps it: `f:<index>:<count>`.
In:  raw    the string of GET, or false/nil when there is none
Out: state  { index = window's number since the epoch, count = units taken in it }; nil when there is none or it is
            not one of ours: a damaged value counts as never seen, it must not stop the batch it is in
]]
local function fixed_window_parse(raw)
  if not raw then return nil end
  local index, count = string.match(raw, '^f:(%d+):(%d+)$')
  if not index then return nil end
  -- Arithmetic turns digits into a number faster than tonumber does.
  index, count = index + 0, count + 0
  if index >= 9007199254740992 or count >= 9007199254740992 then return nil end
  return { index = index, count = count }
end
