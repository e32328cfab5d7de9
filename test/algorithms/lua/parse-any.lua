--[[
Parses arbitrary strings as states and, where one is taken for a state, judges by it. For tests only.

KEYS   none
ARGV   now, then any strings
Reply  for each string and each algorithm: "no state", or allowed remaining retry_after reset state
]]
--- @include "fixed_window_parse"
--- @include "fixed_window_decide"
--- @include "fixed_window_format"
--- @include "sliding_window_parse"
--- @include "sliding_window_decide"
--- @include "sliding_window_format"
--- @include "token_bucket_parse"
--- @include "token_bucket_decide"
--- @include "token_bucket_format"

local algorithms = {
  { fixed_window_parse, fixed_window_decide, fixed_window_format, { limit = 10, window = 1000, extra = 0 } },
  { sliding_window_parse, sliding_window_decide, sliding_window_format, { limit = 10, window = 1000, extra = 2 } },
  { sliding_window_parse, sliding_window_decide, sliding_window_format, { limit = 10, window = 1000, extra = 7 } },
  { token_bucket_parse, token_bucket_decide, token_bucket_format, { limit = 10, window = 1000, extra = 10 } },
}
local now = tonumber(ARGV[1])
local lines = {}
for i = 2, #ARGV do
  for _, algorithm in ipairs(algorithms) do
    local parse, decide, format, p = algorithm[1], algorithm[2], algorithm[3], algorithm[4]
    local state = parse(ARGV[i])
    if not state then
      lines[#lines + 1] = 'no state'
    else
      local allowed, remaining, retry_after, reset = decide(p, state, 1, now)
      lines[#lines + 1] = string.format('%s %.17g %.17g %.17g %s', allowed and 'yes' or 'no', remaining, retry_after, reset, format(state))
    end
  end
end
return lines
