--[[
  Sells the units of each hold: held becomes committed.

  ARGV after epoch and clock, per command: reservation, payment ("" = none named), captured ("1": the money of that payment
  is there, so that no payment under way is in the way)
  Decisions, one per command: confirmed sequence | payment-pending sequence payment | ended outcome sequence | unknown
]]
register('confirm', function(keys, epoch, arguments, expected)
  local commands = {}
  while arguments.more() do
    commands[#commands + 1] = {
      id = arguments.word('reservation'),
      payment = arguments.text('payment'),
      captured = arguments.text('captured') == '1',
    }
  end
  local partition = Partition.open(keys, epoch, expected)
  local decisions = {}
  for index, command in ipairs(commands) do
    local hold = partition:hold(command.id)
    if not hold then
      decisions[index] = partition:outcomeOf(command.id)
    elseif partition:lapsed(hold) then
      decisions[index] = { 'ended', 'expired', partition:settle(hold, 'expired') }
    elseif hold.payment and not command.captured then
      decisions[index] = partition:pending(hold)
    else
      decisions[index] = { 'confirmed', partition:settle(hold, 'confirmed', { payment = command.payment }) }
    end
  end
  return partition:write(decisions)
end, { 'allow-oom' })
