--[[
  Corrects the partition's clock after the machine's was set: its time goes on from where it was.

  ARGV after epoch and clock (which are not looked at): the skew that the caller saw, the skew that it is to be
  Reply: the skew now: the wanted one, or what somebody else has made of it meanwhile
]]
local YEARS_MS = 100 * 365 * 86400 * 1000

register('clock', function(keys, _, arguments)
  local seen = arguments.integer('seen', -YEARS_MS, YEARS_MS)
  local wanted = arguments.integer('skew', -YEARS_MS, YEARS_MS)
  local skew = tonumber(redis.call('HGET', keys[1], 'skew') or 0)
  if skew ~= seen or redis.call('HEXISTS', keys[1], 'epoch') == 0 then return digits(skew) end
  local now = milliseconds(redis.call('TIME')) + wanted
  redis.call('HSET', keys[1], 'skew', digits(wanted), 'lived', digits(now))
  return digits(wanted)
end, { 'allow-oom' })
