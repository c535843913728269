--[[
  Forgets what the ledger has: journal entries before a sequence, and operations retired long enough ago.

  ARGV after epoch and clock: drained (the ledger has every entry up to this sequence), retentionMs, limit
  Decisions: how many operations were forgotten
]]
register('tidy', function(keys, epoch, arguments, expected)
  local drained = arguments.integer('drained', 0)
  local retentionMs = arguments.integer('retentionMs', 0)
  local limit = arguments.integer('limit', 1, 10000)
  local partition = Partition.open(keys, epoch, expected)
  -- The last of them stays: by it the ledger knows whether this is the history that it has taken.
  local kept = math.min(drained, partition.sequence)
  local before = tonumber(redis.call('HGET', keys[1], 'forgotten') or 0)
  redis.call('HSET', keys[1], 'forgotten', digits(math.max(kept - 1, before)))
  redis.call('XTRIM', keys[9], 'MINID', digits(epoch) .. '-' .. digits(kept))
  local retiredBy = digits(partition.now - retentionMs)
  local forgotten = 0
  for _, operation in ipairs(redis.call('ZRANGE', keys[8], '-inf', retiredBy, 'BYSCORE', 'LIMIT', 0, limit)) do
    local record = partition:retiredAs(operation)
    if not record or record.sequence <= drained then
      redis.call('HDEL', keys[7], operation)
      redis.call('ZREM', keys[8], operation)
      forgotten = forgotten + 1
    end
  end
  return partition:write({ forgotten })
end, { 'allow-oom' })
