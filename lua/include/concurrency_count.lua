--[[
Drops the holders whose lease is over and counts the others. The state is a sorted set: member = holder, score = ms at
which its lease ends. A key of another type is a damaged one: it is deleted and counts as empty.
In:  key, now (ms)
Out: holders alive
]]
local function concurrency_count(key, now)
  local swept = redis.pcall('ZREMRANGEBYSCORE', key, '-inf', now)
  if type(swept) == 'table' then
    if not string.find(swept.err, 'WRONGTYPE', 1, true) then error(swept.err) end
    redis.call('DEL', key)
    return 0
  end
  return redis.call('ZCARD', key)
end
