--[[
  Sells the units of each hold: held becomes committed.

  ARGV after the epoch, per command: reservation, payment ("" = none named)
  Decisions, one per command: confirmed sequence | ended outcome sequence | unknown
]]
register('confirm', function(keys, epoch, arguments)
  local commands = {}
  while arguments.more() do
    commands[#commands + 1] = { id = arguments.word('reservation'), payment = arguments.text('payment') }
  end
  local partition = Partition.open(keys, epoch)
  local decisions = {}
  for index, command in ipairs(commands) do
    local hold = partition:hold(command.id)
    if not hold then
      decisions[index] = partition:outcomeOf(command.id)
    elseif partition:lapsed(hold) then
      decisions[index] = { 'ended', 'expired', partition:settle(hold, 'expired') }
    else
      decisions[index] = { 'confirmed', partition:settle(hold, 'confirmed', { payment = command.payment }) }
    end
  end
  return partition:write(decisions)
end, { 'allow-oom' })
