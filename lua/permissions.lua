--[[
Tries every command of the other scripts, to find out which of them the user may not run. Each is denied before it looks
at the key, whatever that holds; what is allowed leaves nothing behind.

KEYS   [1] a key that nobody counts in
ARGV   none
Reply  names of the commands that are denied, then names of those that may not touch the key
]]
local key = KEYS[1]
local commands, keys = {}, {}

local function try(name, ...)
  local reply = redis.pcall(name, ...)
  local message = type(reply) == 'table' and reply.err or ''
  if string.find(message, 'run this command', 1, true) or string.find(message, 'permissions to run', 1, true) then
    commands[#commands + 1] = name
  elseif string.find(message, 'access', 1, true) and string.find(message, 'key', 1, true) then
    keys[#keys + 1] = name
  end
end

try('TIME')
try('SET', key, 0, 'PX', 1000)
try('INCR', key)
try('GET', key)
try('EXISTS', key)
try('PTTL', key)
try('PEXPIRE', key, 1000)
try('DEL', key)
try('ZADD', key, 1, 'm')
try('PEXPIRE', key, 1000)
try('ZSCORE', key, 'm')
try('ZCARD', key)
try('ZRANGE', key, 0, 0)
try('ZREMRANGEBYSCORE', key, 2, 3)
try('ZREM', key, 'm')
return { commands, keys }
