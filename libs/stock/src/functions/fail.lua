--[[
  A payment has come to nothing: what it kept is held as before, and lapses when its time is over.

  ARGV after epoch and clock, per command: reservation, payment
  Decisions, one per command: held sequence (this payment keeps nothing, now or before) | ended outcome sequence | unknown
]]
local function decideFail(partition, command)
  local hold = partition:hold(command.id)
  if not hold then return partition:outcomeOf(command.id) end
  if partition:lapsed(hold) then return { 'ended', 'expired', partition:settle(hold, 'expired') } end
  if hold.payment ~= command.payment then return { 'held', hold.sequence } end
  hold.payment, hold.payBy = nil, nil
  hold.sequence = partition:journal('payment-failed', { 'reservation', hold.id, 'payment', command.payment })
  partition:retire('pay:' .. command.payment, 'failed', hold.sequence)
  if partition:lapsed(hold) then return { 'ended', 'expired', partition:settle(hold, 'expired') } end
  partition:putHold(hold)
  return { 'held', hold.sequence }
end

register('fail', function(keys, epoch, arguments, expected)
  local commands = {}
  while arguments.more() do
    commands[#commands + 1] = { id = arguments.word('reservation'), payment = arguments.word('payment') }
  end
  local partition = Partition.open(keys, epoch, expected)
  local decisions = {}
  for index, command in ipairs(commands) do decisions[index] = decideFail(partition, command) end
  return partition:write(decisions)
end, { 'allow-oom' })
