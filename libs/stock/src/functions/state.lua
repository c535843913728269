--[[
  Where the partition stands, whatever its epoch.

  ARGV: 1 (any epoch), "", ""
  Reply: now, epoch (0 = none), sequence, live holds, the epoch it has been filled for and not admitted in (0 = none),
    incarnation
]]
register('state', function(keys)
  local meta = redis.call('HMGET', keys[1], 'epoch', 'sequence', 'restored', 'skew')
  local time = redis.call('TIME')
  return {
    milliseconds(time) + tonumber(meta[4] or 0),
    tonumber(meta[1] or 0), tonumber(meta[2] or 0), redis.call('HLEN', keys[3]),
    tonumber(string.match(meta[3] or '0', '^%d+')), incarnationAt(time),
  }
end, { 'no-writes' })
