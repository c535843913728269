--[[
  Keeps the units of each hold for a payment, until the payment's own deadline and at least as long as the hold's.

  ARGV after epoch and clock, per command: reservation, payment, provider, amount, currency, ttlSeconds
  Decisions, one per command:
    paying sequence deadline                   now, or by an earlier attempt under the same payment
    payment-pending sequence payment           another payment is under way
    payment-ended sequence                     this payment has been started before, and keeps nothing any more
    ended outcome sequence | unknown
]]
local function decidePay(partition, command)
  local hold = partition:hold(command.id)
  if not hold then return partition:outcomeOf(command.id) end
  if partition:lapsed(hold) then return { 'ended', 'expired', partition:settle(hold, 'expired') } end
  if hold.payment == command.payment then return { 'paying', hold.sequence, hold.payBy } end
  if hold.payment then return partition:pending(hold) end
  local earlier = partition:retiredAs('pay:' .. command.payment)
  if earlier then return { 'payment-ended', earlier.sequence } end
  hold.payment = command.payment
  hold.payBy = math.max(hold.expiresAt, partition.now + command.ttlSeconds * 1000)
  hold.sequence = partition:journal('paying', {
    'reservation', hold.id, 'payment', hold.payment, 'provider', command.provider,
    'amount', digits(command.amount), 'currency', command.currency, 'deadline', digits(hold.payBy),
  })
  partition:putHold(hold)
  return { 'paying', hold.sequence, hold.payBy }
end

register('pay', function(keys, epoch, arguments, expected)
  local commands = {}
  while arguments.more() do
    commands[#commands + 1] = {
      id = arguments.word('reservation'),
      payment = arguments.word('payment'),
      provider = arguments.word('provider'),
      amount = arguments.integer('amount', 1),
      currency = arguments.word('currency'),
      ttlSeconds = arguments.integer('ttlSeconds', 1, 86400),
    }
  end
  local partition = Partition.open(keys, epoch, expected)
  local decisions = {}
  for index, command in ipairs(commands) do decisions[index] = decidePay(partition, command) end
  return partition:write(decisions)
end)
