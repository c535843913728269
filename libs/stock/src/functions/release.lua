--[[
  Gives the units of each hold back to the shelf.

  ARGV after epoch and clock, per command: reservation, forget ("1": as if it had never been held; for the parts of a cart
  that came to nothing, so that a later attempt under the same id may hold again)
  Decisions, one per command: released sequence | payment-pending sequence payment | ended outcome sequence | unknown
]]
register('release', function(keys, epoch, arguments, expected)
  local commands = {}
  while arguments.more() do
    commands[#commands + 1] = { id = arguments.word('reservation'), forget = arguments.text('forget') == '1' }
  end
  local partition = Partition.open(keys, epoch, expected)
  local decisions = {}
  for index, command in ipairs(commands) do
    local hold = partition:hold(command.id)
    if not hold then
      decisions[index] = partition:outcomeOf(command.id)
    elseif partition:lapsed(hold) then
      decisions[index] = { 'ended', 'expired', partition:settle(hold, 'expired') }
    else
      decisions[index] = partition:pending(hold)
        or { 'released', partition:settle(hold, 'released', { forget = command.forget }) }
    end
  end
  return partition:write(decisions)
end, { 'allow-oom' })
