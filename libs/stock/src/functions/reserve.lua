--[[
  Holds the lines of each command, all or none.

  ARGV after epoch and clock: the commands, as one JSON text, because Redis reads that several times faster than as
  many arguments. Each is a list:
    reservation, ttlSeconds (0 = the shortest policy of its SKUs), partitions ("0" or "0,3": the first decides),
    revive (1: though it has been released or has expired; for the parts of a cart that was paid late),
    metadata ("" or text: journalled, not read), buyer, then sku and quantity of each line
  Decisions, as one JSON text too, so every number in them is text; one per command:
    held sequence createdAt expiresAt "" and of each line the level's version and the buyer limit in force: now
    held sequence createdAt expiresAt again    by an earlier attempt under the same id
    ended outcome sequence                     an earlier attempt held it, and it has ended since
    unknown-sku sku
    duplicate-reservation sku reservation      this buyer already holds the SKU
    buyer-limit-exceeded sku limit
    sold-out sku available
    insufficient-stock sku available
]]
local EXPIRED_AT_ONCE_MAX = 128
local LINES_MAX = 50

local function parseLines(command)
  local lines = {}
  for position = 7, #command, 2 do
    local sku = word(command[position], 'sku')
    lines[#lines + 1] = { sku = sku, quantity = count(command[position + 1], 1, UNITS_MAX, 'quantity') }
  end
  if #lines == 0 or #lines > LINES_MAX then fail('HFBADARG', 'lines is not an integer in range') end
  return lines
end

local function parseReserve(text)
  local good, list = pcall(cjson.decode, text)
  if not good or type(list) ~= 'table' then fail('HFBADARG', 'commands is no JSON list') end
  local commands = {}
  for index, command in ipairs(list) do
    local ttlSeconds = count(command[2], 0, 86400, 'ttlSeconds')
    if type(command[5]) ~= 'string' or type(command[6]) ~= 'string' then fail('HFBADARG', 'a text is missing') end
    commands[index] = {
      facts = command,
      id = word(command[1], 'reservation'),
      ttlSeconds = ttlSeconds > 0 and ttlSeconds or nil,
      partitions = command[3],
      revive = command[4] == 1,
      metadata = command[5],
      buyer = command[6],
      lines = parseLines(command),
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
  local decision = { 'held', '', partition.nowText, digits(expiresAt), '' }
  for _, line in ipairs(command.lines) do
    partition:moveBuyer(line.sku, command.buyer, { reservation = command.id, held = line.quantity })
    local level, size = partition:level(line.sku), #decision
    decision[size + 1], decision[size + 2] = digits(partition:move(level, { held = line.quantity })), limitText(level)
  end
  local sequence = partition:journalHeld()
  decision[2] = digits(sequence)
  local record = {
    id = command.id, sequence = sequence, createdAt = partition.now, expiresAt = expiresAt,
    partitions = command.partitions, lines = command.lines, buyer = command.buyer,
  }
  partition:putHold(record, math.min(expiresAt, partition.now + PART_CHECK_MS))
  return decision
end

local function decideReserve(partition, command)
  local earlier = partition:hold(command.id)
  if earlier then
    if not partition:decides(earlier) then partition.parts[command.id] = partition.now + PART_CHECK_MS end
    return { 'held', digits(earlier.sequence), digits(earlier.createdAt), digits(earlier.expiresAt), 'again' }
  end
  local ended = partition:retiredAs(command.id)
  local revives = command.revive and ended and ended.outcome ~= 'confirmed'
  if ended and not revives then return partition:outcomeOf(command.id) end
  return partition:refusal(command) or hold(partition, command)
end

-- The commands that hold now, and their decisions, as texts: what came and what goes, where all do.
local function heldOf(commands, text, decisions, replied)
  local held, made = {}, {}
  for index, decision in ipairs(decisions) do
    if decision[1] == 'held' and decision[5] == '' then
      held[#held + 1], made[#made + 1] = commands[index], decision
    end
  end
  if #held == 0 then return nil end
  if #held == #commands then return { commands = text, decisions = replied } end
  local facts = {}
  for index, command in ipairs(held) do
    facts[index] = command.facts
    -- The encoder keeps 14 digits of a number.
    for position, line in ipairs(command.lines) do command.facts[6 + 2 * position] = digits(line.quantity) end
  end
  return { commands = cjson.encode(facts), decisions = cjson.encode(made) }
end

register('reserve', function(keys, epoch, arguments, expected)
  local text = arguments.text('commands')
  local commands = parseReserve(text)
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
  local replied = cjson.encode(decisions)
  return partition:write(replied, heldOf(commands, text, decisions, replied))
end)
