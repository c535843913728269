--[[
  Where the partition stands, whatever its epoch.

  ARGV: 1 (any epoch)
  Reply: now, epoch (0 = none), sequence, live holds, the epoch it has been filled for and not admitted in (0 = none),
    incarnation
]]
register('state', function(keys)
  local meta = redis.call('HMGET', keys[1], 'epoch', 'sequence', 'restored')
  local time = redis.call('TIME')
  return {
    tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000),
    tonumber(meta[1] or 0), tonumber(meta[2] or 0), redis.call('HLEN', keys[3]),
    tonumber(string.match(meta[3] or '0', '^%d+')), incarnationAt(time),
  }
end, { 'no-writes' })
