--[[
  Moves the deadline of each hold to now + ttlSeconds, never earlier than it was.

  ARGV after epoch and clock, per command: reservation, ttlSeconds ("" with `until`), until ("" or an instant in ms: the
  deadline that the deciding partition has given a cart)
  Decisions, one per command:
    extended sequence expiresAt | payment-pending sequence payment | ended outcome sequence | unknown
]]
local function decideExtend(partition, command)
  local hold = partition:hold(command.id)
  if not hold then return partition:outcomeOf(command.id) end
  if partition:lapsed(hold) then return { 'ended', 'expired', partition:settle(hold, 'expired') } end
  local pending = partition:pending(hold)
  if pending then return pending end
  local wanted = command.untilMs or partition.now + command.ttlSeconds * 1000
  if wanted > hold.expiresAt then
    hold.expiresAt = wanted
    hold.sequence = partition:journal('extended', {
      'reservation', hold.id, 'expires', digits(wanted), 'partitions', hold.partitions,
    })
  end
  local left = hold.expiresAt - partition.now
  partition:putHold(hold, partition.now + (left > 0 and math.min(left, PART_CHECK_HELD_MS) or PART_CHECK_ENDING_MS))
  return { 'extended', hold.sequence, hold.expiresAt }
end

register('extend', function(keys, epoch, arguments, expected)
  local commands = {}
  while arguments.more() do
    local command = {
      id = arguments.word('reservation'),
      ttlSeconds = arguments.optional('ttlSeconds', 1, 86400),
      untilMs = arguments.optional('until', 1),
    }
    if not command.ttlSeconds and not command.untilMs then fail('HFBADARG', 'neither ttlSeconds nor until') end
    commands[#commands + 1] = command
  end
  local partition = Partition.open(keys, epoch, expected)
  local decisions = {}
  for index, command in ipairs(commands) do decisions[index] = decideExtend(partition, command) end
  return partition:write(decisions)
end)
