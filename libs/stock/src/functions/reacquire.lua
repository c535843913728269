--[[
  Decides what becomes of money that came after its reservation had ended: units off the shelf, or a refund. Once per
  reservation, in the partition that decides for the cart; its other parts are held by then, or one was refused.

  ARGV after epoch and clock, per command: reservation, payment, whole ("1": the cart's other parts are held), buyer,
  lines: n, then n times sku and quantity
  Decisions, one per command:
    reacquired sequence | refund-due sequence  now, or by an earlier attempt
    held sequence                              it has not ended: nothing to decide here
]]
local EXPIRED_AT_ONCE_MAX = 128

local function sell(partition, command)
  local lines = {}
  for index, line in ipairs(command.lines) do
    partition:moveBuyer(line.sku, command.buyer, { committed = line.quantity })
    local level = partition:level(line.sku)
    local version = partition:move(level, { committed = line.quantity })
    lines[index] = { sku = line.sku, quantity = line.quantity, version = version, limit = limitText(level) }
  end
  local sequence = partition:journal('reacquired', {
    'reservation', command.id, 'lines', encodeLines(lines), 'payment', command.payment, 'buyer', command.buyer,
  })
  partition:retire(command.id, 'confirmed', sequence)
  return { 'reacquired', sequence }
end

local function decideReacquire(partition, command)
  local hold = partition:hold(command.id)
  if hold and not partition:lapsed(hold) then return { 'held', hold.sequence } end
  if hold then partition:settle(hold, 'expired') end
  local ended = partition:retiredAs(command.id)
  if ended and ended.outcome == 'confirmed' then return { 'reacquired', ended.sequence } end
  if ended and ended.outcome == 'refund-due' then return { 'refund-due', ended.sequence } end
  if command.whole and not partition:refusal(command) then return sell(partition, command) end
  local sequence = partition:journal('refund-due', { 'reservation', command.id, 'payment', command.payment })
  partition:retire(command.id, 'refund-due', sequence)
  return { 'refund-due', sequence }
end

register('reacquire', function(keys, epoch, arguments, expected)
  local commands = {}
  while arguments.more() do
    commands[#commands + 1] = {
      id = arguments.word('reservation'),
      payment = arguments.word('payment'),
      whole = arguments.text('whole') == '1',
      buyer = arguments.text('buyer'),
      lines = arguments.lines(),
    }
  end
  local partition = Partition.open(keys, epoch, expected)
  partition:expireDue(EXPIRED_AT_ONCE_MAX)
  local decisions = {}
  for index, command in ipairs(commands) do decisions[index] = decideReacquire(partition, command) end
  return partition:write(decisions)
end, { 'allow-oom' })
