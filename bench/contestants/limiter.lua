-- Rate limiting for nginx the way it is usually done in production: a pooled connection to Redis and one EVALSHA a
-- request; when Redis fails, the request passes.
local redis = require("nginx.redis")
local to_hex = function(bytes)
  return (bytes:gsub(".", function(char) return string.format("%02x", char:byte()) end))
end

local Limiter = {}
Limiter.__index = Limiter

function Limiter.new(options)
  local file = assert(io.open(options.script))
  local source = file:read("*a")
  file:close()
  return setmetatable({
    source = source,
    sha = to_hex(ngx.sha1_bin(source)),
    port = options.port,
    limit = options.limit,
    window_ms = 3600000,
    pool = { pool_size = options.pool },
    pool_size = options.pool,
    policy = '"per-key";q=' .. options.limit .. ";w=3600",
  }, Limiter)
end

function Limiter:ask(key)
  local connection = redis:new()
  connection:set_timeouts(50, 50, 50)
  local ok, err = connection:connect("127.0.0.1", self.port, self.pool)
  if not ok then return nil, err end
  local answer
  answer, err = connection:evalsha(self.sha, 1, key, self.limit, self.window_ms)
  if not answer and err and err:find("NOSCRIPT", 1, true) then
    answer, err = connection:eval(self.source, 1, key, self.limit, self.window_ms)
  end
  if not answer then
    connection:close()
    return nil, err
  end
  connection:set_keepalive(60000, self.pool_size)
  return answer
end

function Limiter:check(key)
  if not key then return end
  local answer, err = self:ask("limit:" .. key)
  if not answer then
    ngx.log(ngx.ERR, "redis: ", err)
    return
  end
  local reset = math.ceil(answer[3] / 1000)
  local header = ngx.header
  header["RateLimit-Policy"] = self.policy
  header["RateLimit"] = '"per-key";r=' .. answer[2] .. ";t=" .. reset
  if answer[1] == 0 then
    header["Retry-After"] = reset
    header["Content-Type"] = "application/problem+json"
    ngx.status = 429
    ngx.print('{"type":"https://iana.org/assignments/http-problem-types#quota-exceeded","status":429}')
    return ngx.exit(429)
  end
end

return Limiter
