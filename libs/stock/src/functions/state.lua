--[[
  Where the partition stands, whatever its epoch.

  ARGV: 1 (any epoch), "", ""
  Reply: now, epoch (0 = none), sequence, live holds, the epoch it is ready for and not admitted in (0 = none),
    incarnation, the epoch that it was last filled for, how much of the journal may be forgotten
]]
register('state', function(keys)
  local meta = redis.call('HMGET', keys[1], 'epoch', 'sequence', 'restored', 'skew', 'incarnation', 'filled', 'forgotten')
  local time = redis.call('TIME')
  return {
    milliseconds(time) + tonumber(meta[4] or 0),
    tonumber(meta[1] or 0), tonumber(meta[2] or 0), redis.call('HLEN', keys[3]),
    tonumber(string.match(meta[3] or '0', '^%d+')), incarnationOf(meta[5], time), tonumber(meta[6] or 0),
    tonumber(meta[7] or 0),
  }
end, { 'no-writes' })
