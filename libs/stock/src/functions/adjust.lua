--[[
  Changes what is on hand, once per operation.

  ARGV after epoch and clock, per command: operation, sku, delta, expectedVersion ("" = any), reason
  Decisions, one per command:
    adjusted sequence level                    level as stored, in text; the same again for the same operation
    unknown-sku sku | version-mismatch sku version | insufficient-stock sku available | too-much-stock sku
]]
local function decideAdjust(partition, command)
  local earlier = partition:retiredAs(command.operation)
  if earlier then return { 'adjusted', earlier.sequence, earlier.rest } end
  local level = partition:level(command.sku)
  if not level then return { 'unknown-sku', command.sku } end
  if command.expectedVersion and command.expectedVersion ~= level.version then
    return { 'version-mismatch', command.sku, level.version }
  end
  if available(level) + command.delta < 0 then return { 'insufficient-stock', command.sku, available(level) } end
  if level.onHand + command.delta > UNITS_MAX then return { 'too-much-stock', command.sku } end
  local version = partition:move(level, { onHand = command.delta })
  local sequence = partition:journal('adjusted', {
    'sku', command.sku, 'delta', digits(command.delta), 'version', digits(version),
    'operation', command.operation, 'reason', command.reason,
  })
  local text = encodeLevel(level)
  partition:retire(command.operation, 'adjusted', sequence, text)
  return { 'adjusted', sequence, text }
end

register('adjust', function(keys, epoch, arguments, expected)
  local commands = {}
  while arguments.more() do
    commands[#commands + 1] = {
      operation = arguments.word('operation'),
      sku = arguments.word('sku'),
      delta = arguments.integer('delta', -UNITS_MAX),
      expectedVersion = arguments.optional('expectedVersion', 0),
      reason = arguments.text('reason'),
    }
  end
  local partition = Partition.open(keys, epoch, expected)
  -- What is due comes back first: units whose hold has lapsed may be taken off the shelf.
  partition:expireDue(128)
  local decisions = {}
  for index, command in ipairs(commands) do decisions[index] = decideAdjust(partition, command) end
  return partition:write(decisions)
end)
