--[[
  Holds the lines of each command, all or none.

  ARGV after epoch and clock, per command:
    reservation, ttlSeconds ("" = the shortest policy of its SKUs), partitions ("0" or "0,3": the first decides),
    revive ("1": though it has been released or has expired; for the parts of a cart that was paid late), metadata (journalled, not read), buyer, lines: n, then n times sku and quantity
  Decisions, one per command:
    held sequence createdAt expiresAt          now
    held sequence createdAt expiresAt again    by an earlier attempt under the same id
    ended outcome sequence                     an earlier attempt held it, and it has ended since
    unknown-sku sku
    duplicate-reservation sku reservation      this buyer already holds the SKU
    buyer-limit-exceeded sku limit
    sold-out sku available
    insufficient-stock sku available
]]
local EXPIRED_AT_ONCE_MAX = 128

local function parseReserve(arguments)
  local commands = {}
  while arguments.more() do
    commands[#commands + 1] = {
      id = arguments.word('reservation'),
      ttlSeconds = arguments.optional('ttlSeconds', 1, 86400),
      partitions = arguments.text('partitions'),
      revive = arguments.text('revive') == '1',
      metadata = arguments.text('metadata'),
      buyer = arguments.text('buyer'),
      lines = arguments.lines(),
    }
  end
  return commands
end

local function ttlOf(partition, command)
  if command.ttlSeconds then return command.ttlSeconds end
  local shortest = 86400
  for _, line in ipairs(command.lines) do
    shortest = math.min(shortest, partition:level(line.sku).holdTtlSeconds)
  end
  return shortest
end

local function hold(partition, command)
  local expiresAt = partition.now + ttlOf(partition, command) * 1000
  local lines = {}
  for index, line in ipairs(command.lines) do
    partition:moveBuyer(line.sku, command.buyer, { reservation = command.id, held = line.quantity })
    local level = partition:level(line.sku)
    local version = partition:move(level, { held = line.quantity })
    lines[index] = { sku = line.sku, quantity = line.quantity, version = version, limit = limitText(level) }
  end
  local sequence = partition:journal('held', {
    'reservation', command.id, 'expires', digits(expiresAt), 'lines', encodeLines(lines),
    'partitions', command.partitions, 'metadata', command.metadata, 'buyer', command.buyer,
    'revived', command.revive and '1' or '',
  })
  local record = {
    id = command.id, sequence = sequence, createdAt = partition.now, expiresAt = expiresAt,
    partitions = command.partitions, lines = command.lines, buyer = command.buyer,
  }
  partition:putHold(record, partition.now + PART_CHECK_MS)
  return { 'held', sequence, partition.now, expiresAt }
end

local function decideReserve(partition, command)
  local earlier = partition:hold(command.id)
  if earlier then return { 'held', earlier.sequence, earlier.createdAt, earlier.expiresAt, 'again' } end
  local ended = partition:retiredAs(command.id)
  local revives = command.revive and ended and ended.outcome ~= 'confirmed'
  if ended and not revives then return partition:outcomeOf(command.id) end
  return partition:refusal(command) or hold(partition, command)
end

register('reserve', function(keys, epoch, arguments, expected)
  local commands = parseReserve(arguments)
  local partition = Partition.open(keys, epoch, expected)
  partition:expireDue(EXPIRED_AT_ONCE_MAX)
  local ids, buyers = {}, {}
  for index, command in ipairs(commands) do
    ids[index] = command.id
    for _, line in ipairs(command.lines) do buyers[#buyers + 1] = line.sku .. ' ' .. command.buyer end
  end
  partition:prefetchReservations(ids, buyers)
  local decisions = {}
  for index, command in ipairs(commands) do decisions[index] = decideReserve(partition, command) end
  return partition:write(decisions)
end)
