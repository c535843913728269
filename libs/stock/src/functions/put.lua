--[[
  Creates a SKU, or changes the policy of one that exists.

  ARGV after epoch and clock, per command: sku, onHand (counts at creation only), buyerLimit ("" = unchanged, or none at
  creation; "-" = none), holdTtlSeconds ("" = unchanged), holdTtlSeconds at creation when none is given
  Decisions, one per command: created sequence level | changed sequence level | same sequence level
]]
local function decidePut(partition, command)
  local level = partition:level(command.sku)
  if not level then
    level = {
      sku = command.sku, onHand = command.onHand, held = 0, committed = 0, version = 1,
      buyerLimit = command.buyerLimit or nil,
      holdTtlSeconds = command.holdTtlSeconds or command.holdTtlSecondsDefault,
    }
    partition.loaded.levels[command.sku] = level
    partition.changed.levels[command.sku] = level
    local sequence = partition:journal('sku-created', {
      'sku', command.sku, 'onhand', digits(level.onHand), 'limit', limitText(level),
      'ttl', digits(level.holdTtlSeconds), 'version', digits(level.version),
    })
    return { 'created', sequence, encodeLevel(level) }
  end
  local limit = level.buyerLimit
  if command.buyerLimit ~= nil then limit = command.buyerLimit or nil end
  local ttl = command.holdTtlSeconds or level.holdTtlSeconds
  if limit == level.buyerLimit and ttl == level.holdTtlSeconds then
    return { 'same', partition.sequence, encodeLevel(level) }
  end
  level.buyerLimit, level.holdTtlSeconds = limit, ttl
  partition:move(level, {})
  local sequence = partition:journal('policy-changed', {
    'sku', command.sku, 'limit', limitText(level), 'ttl', digits(ttl), 'version', digits(level.version),
  })
  return { 'changed', sequence, encodeLevel(level) }
end

register('put', function(keys, epoch, arguments, expected)
  local commands = {}
  while arguments.more() do
    local sku, onHand, limit = arguments.word('sku'), arguments.integer('onHand', 0), arguments.text('buyerLimit')
    local buyerLimit
    if limit == NO_LIMIT then
      buyerLimit = false
    elseif limit ~= '' then
      buyerLimit = integer(limit, 1, UNITS_MAX, 'buyerLimit')
    end
    commands[#commands + 1] = {
      sku = sku, onHand = onHand, buyerLimit = buyerLimit,
      holdTtlSeconds = arguments.optional('holdTtlSeconds', 1, 86400),
      holdTtlSecondsDefault = arguments.integer('holdTtlSecondsDefault', 1, 86400),
    }
  end
  local partition = Partition.open(keys, epoch, expected)
  local decisions = {}
  for index, command in ipairs(commands) do decisions[index] = decidePut(partition, command) end
  return partition:write(decisions)
end)
