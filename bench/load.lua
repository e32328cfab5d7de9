-- The load that wrk sends: the header x-api-key rotates. Arguments: the kind of load
--   many     1,000 keys in turn
--   hot      one key
--   abusers  90 % of the requests come from 10 keys, 10 % from 1,000 others
-- and the mean pause before a request in milliseconds, 0 for none: many connections that pause make an even load.
-- Prints one line at the end: BENCH and numbers, latencies in microseconds.
local requests, count, at, pause = {}, 0, 0, 0

function init(args)
  local kind = args[1]
  pause = tonumber(args[2])
  -- wrk asks every connection for its pause as soon as there is such a function, and starts each with one.
  if pause > 0 then delay = function() return math.random(0, 2 * pause) end end
  local function add(key)
    count = count + 1
    requests[count] = wrk.format("GET", "/bench", { ["x-api-key"] = key, ["Accept"] = "*/*" })
  end
  if kind == "hot" then
    add("hot")
  elseif kind == "many" then
    for number = 1, 1000 do add("client-" .. number) end
  else
    for number = 1, 1000 do
      for abuser = 1, 9 do add("abuser-" .. (number * 9 + abuser) % 10) end
      add("client-" .. number)
    end
  end
end

function request()
  at = at % count + 1
  return requests[at]
end

function done(summary, latency)
  local errors = summary.errors
  print(string.format("BENCH %d %d %d %d %d %d %d",
    summary.requests, summary.duration, errors.status, errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50), latency:percentile(99), latency.max))
end
