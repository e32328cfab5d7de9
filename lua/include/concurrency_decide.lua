--- @include "concurrency_count"
--[[
May `holder` start? Takes nothing: see concurrency_take. Twin of src/algorithms/concurrency.ts.
In:  key     of a sorted set
     p       { limit (most holders), window (lease in ms) }
     holder  string; one that holds already may go on; nil asks for anybody new
     now     ms
Out: allowed, remaining, retry_after (ms until enough leases end if nobody releases or renews), reset (ms: the lease;
     holders may renew, so nothing better is known)
]]
local function concurrency_decide(key, p, holder, now)
  local limit, lease = p.limit, p.window
  local in_use = concurrency_count(key, now)
  local held = holder and in_use > 0 and redis.call('ZSCORE', key, holder)
  if in_use >= limit and not held then
    -- Before refusing: a lease that ends an hour later than a new one would was given by a clock that was wrong.
    local bogus = redis.call('ZREMRANGEBYSCORE', key, string.format('(%d', now + lease + 3600000), '+inf')
    if bogus > 0 then in_use = in_use - bogus end
  end
  if held then
    return true, limit > in_use and limit - in_use or 0, 0, lease
  end
  if in_use < limit then
    return true, limit - in_use - 1, 0, lease
  end
  local retry = lease
  if limit > 0 then
    -- As many leases must end as there are holders too many (more than one after the limit was lowered).
    local first = in_use - limit
    retry = redis.call('ZRANGE', key, first, first, 'WITHSCORES')[2] - now
  end
  return false, 0, retry, lease
end
