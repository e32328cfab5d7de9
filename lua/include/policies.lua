--[[
read_policies(args) -> list of policies { code, limit, window, extra }, index of the first argument after them.
args[1] is their number, four arguments each follow.
]]
local function read_policies(args)
  local policies = {}
  local at = 2
  for i = 1, tonumber(args[1]) do
    policies[i] = {
      code = args[at],
      limit = tonumber(args[at + 1]),
      window = tonumber(args[at + 2]),
      extra = tonumber(args[at + 3]),
    }
    at = at + 4
  end
  return policies, at
end
