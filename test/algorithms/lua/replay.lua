--[[
Runs whole histories of the windowed algorithms with the time handed in, keeping the state as text between steps, as
Redis would. For tests only.

KEYS   none
ARGV   for each history: code (f, s, t), number of steps, then for each step
         op, limit, window, extra, now, cost, taken_at
         op: take (decide, keep when allowed), refund, place (the state's text becomes `cost`)
Reply  for each step one line: allowed remaining retry_after reset state ttl, '-' for what does not apply
]]
--- @include "fixed_window_parse"
--- @include "fixed_window_decide"
--- @include "fixed_window_format"
--- @include "fixed_window_ttl"
--- @include "fixed_window_refund"
--- @include "sliding_window_parse"
--- @include "sliding_window_decide"
--- @include "sliding_window_format"
--- @include "sliding_window_ttl"
--- @include "sliding_window_refund"
--- @include "token_bucket_parse"
--- @include "token_bucket_decide"
--- @include "token_bucket_format"
--- @include "token_bucket_ttl"
--- @include "token_bucket_refund"

local parse = { f = fixed_window_parse, s = sliding_window_parse, t = token_bucket_parse }
local decide = { f = fixed_window_decide, s = sliding_window_decide, t = token_bucket_decide }
local format = { f = fixed_window_format, s = sliding_window_format, t = token_bucket_format }
local ttl = { f = fixed_window_ttl, s = sliding_window_ttl, t = token_bucket_ttl }
local refund = { f = fixed_window_refund, s = sliding_window_refund, t = token_bucket_refund }

local lines = {}
local at = 1
while at <= #ARGV do
  local code, steps = ARGV[at], tonumber(ARGV[at + 1])
  at = at + 2
  local raw = false
  for _ = 1, steps do
    local op = ARGV[at]
    local p = { limit = tonumber(ARGV[at + 1]), window = tonumber(ARGV[at + 2]), extra = tonumber(ARGV[at + 3]) }
    local now = tonumber(ARGV[at + 4])
    local answer = '- - - -'
    if op == 'place' then
      raw = ARGV[at + 5]
    else
      local cost, taken_at = tonumber(ARGV[at + 5]), tonumber(ARGV[at + 6])
      local state = parse[code](raw)
      local before = state and format[code](state)
      local kept
      if op == 'take' then
        local allowed, remaining, retry_after, reset, next_state = decide[code](p, state, cost, now)
        answer = string.format('%s %.17g %.17g %.17g', allowed and 'yes' or 'no', remaining, retry_after, reset)
        if allowed then kept = next_state end
      elseif state then
        kept = refund[code](p, state, cost, taken_at)
      end
      -- A group that is refused must find its states as they were.
      if state and format[code](state) ~= before then error('a state was changed in place: ' .. before) end
      if kept then raw = format[code](kept) end
    end
    local state = parse[code](raw)
    lines[#lines + 1] = answer .. ' ' .. (raw or '-') .. ' ' .. (state and string.format('%.17g', ttl[code](p, state, now)) or '-')
    at = at + 7
  end
end
return lines
