--[[
  Reads the levels of some SKUs at one instant.

  ARGV after epoch and clock: skus
  Decisions, one per SKU: the level as stored, in text; "" when there is none
]]
register('levels', function(keys, epoch, arguments, expected)
  local partition = Partition.open(keys, epoch, expected)
  local decisions = {}
  while arguments.more() do
    decisions[#decisions + 1] = redis.call('HGET', keys[2], arguments.word('sku')) or ''
  end
  return { partition.now, partition.sequence, {}, decisions, {}, partition.incarnation, partition.skew }
end, { 'no-writes' })
