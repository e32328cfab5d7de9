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
--- @include "concurrency_decide"
--- @include "concurrency_take"
--- @include "concurrency_release"
--- @include "concurrency_renew"
--[[
new_counters(now) -> the counters one script call touches, each read once and, if changed, written once by write().
Holdings (concurrency) are sorted sets and are changed at once. A value that is not ours counts as none and is
overwritten, so that a damaged key heals.
]]
local function new_counters(now)
  local parse = { f = fixed_window_parse, s = sliding_window_parse, t = token_bucket_parse }
  local decide = { f = fixed_window_decide, s = sliding_window_decide, t = token_bucket_decide }
  local format = { f = fixed_window_format, s = sliding_window_format, t = token_bucket_format }
  local ttl = { f = fixed_window_ttl, s = sliding_window_ttl, t = token_bucket_ttl }
  local refund = { f = fixed_window_refund, s = sliding_window_refund, t = token_bucket_refund }
  local call, pcall = redis.call, redis.pcall
  local states, loaded, changed = {}, {}, {}

  local function state_of(key, p)
    local state = states[key]
    if state == nil then
      local raw = pcall('GET', key)
      -- A key of another type is a damaged one. Anything else, such as no permission, must not look like an empty counter.
      if type(raw) == 'table' and not string.find(raw.err, 'WRONGTYPE', 1, true) then error(raw.err) end
      state = type(raw) == 'string' and parse[p.code](raw) or false
      states[key] = state
      loaded[key] = state
    end
    return state or nil
  end

  local counters = {}

  -- -> allowed, remaining, retry_after, reset, next state; changes nothing
  function counters.decide(key, p, cost)
    return decide[p.code](p, state_of(key, p), cost, now)
  end

  function counters.keep(key, p, state)
    states[key] = state
    changed[key] = p
  end

  -- -> whether there was a state to give back to
  function counters.refund(key, p, cost, taken_at)
    local state = state_of(key, p)
    if not state then return false end
    counters.keep(key, p, refund[p.code](p, state, cost, taken_at))
    return true
  end

  -- -> allowed, remaining, retry_after, reset; changes nothing
  function counters.holders_decide(key, p, holder)
    local allowed, remaining, retry_after, reset = concurrency_decide(key, p, holder, now)
    return allowed, remaining, retry_after, reset
  end

  function counters.hold(key, p, holder)
    concurrency_take(key, p, holder, now)
  end

  function counters.release(key, holder)
    return concurrency_release(key, holder, now)
  end

  function counters.renew(key, p, holder)
    return concurrency_renew(key, p, holder, now)
  end

  function counters.write()
    for key, p in pairs(changed) do
      local state, before, code = states[key], loaded[key], p.code
      if code ~= 't' and before and before.index == state.index then
        -- Its end of life has not changed either; leaving it alone is cheaper.
        call('SET', key, format[code](state), 'KEEPTTL')
      else
        call('SET', key, format[code](state), 'PX', ttl[code](p, state, now))
      end
    end
  end

  return counters
end
