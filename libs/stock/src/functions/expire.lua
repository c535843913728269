--[[
  Returns the units of holds past their deadline. The decision was made by the clock; this only tidies.

  ARGV after epoch and clock: limit
  Decisions: due (how many were looked at; equal to the limit: there may be more), then the reservations of which
  this partition holds a part and another one decides: the caller asks the ledger what became of them
]]
local function dueParts(partition, limit)
  local due = redis.call('ZRANGE', partition.keys[6], '-inf', digits(partition.now), 'BYSCORE', 'LIMIT', 0, limit)
  for _, id in ipairs(due) do
    partition.parts[id] = partition:hold(id) and partition.now + PART_CHECK_AGAIN_MS or false
  end
  return due
end

register('expire', function(keys, epoch, arguments, expected)
  local limit = arguments.integer('limit', 1, 1000)
  local partition = Partition.open(keys, epoch, expected)
  return partition:write({ partition:expireDue(limit), dueParts(partition, limit) })
end, { 'allow-oom' })
