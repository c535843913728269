--[[
  Gives the units of each hold back to the shelf.

  ARGV after epoch and clock, per command: reservation, and what it is
    hold    as it says
    part    of a cart that came to nothing: forgotten as if it had never been held, so that a later attempt may hold it
    orphan  the same, found by its date; unknown when an attempt has asked for it again
    barred  a cart that came to nothing, where it is decided: released though nothing is held, so that an attempt which
            is still under way holds nothing either
  Decisions, one per command: released sequence | payment-pending sequence payment | ended outcome sequence | unknown
]]
local forgotten = { part = true, orphan = true }

register('release', function(keys, epoch, arguments, expected)
  local commands = {}
  while arguments.more() do
    commands[#commands + 1] = { id = arguments.word('reservation'), what = arguments.text('what') }
  end
  local partition = Partition.open(keys, epoch, expected)
  local decisions = {}
  for index, command in ipairs(commands) do
    local hold = partition:hold(command.id)
    if not hold then
      decisions[index] = partition:outcomeOf(command.id)
      if command.what == 'barred' and decisions[index][1] == 'unknown' then partition:retire(command.id, 'released', 0) end
    elseif command.what == 'orphan' and partition:mayBeDecided(hold) then
      decisions[index] = { 'unknown' }
    elseif partition:lapsed(hold) then
      decisions[index] = { 'ended', 'expired', partition:settle(hold, 'expired') }
    else
      decisions[index] = partition:pending(hold)
        or { 'released', partition:settle(hold, 'released', { forget = forgotten[command.what] }) }
    end
  end
  return partition:write(decisions)
end, { 'allow-oom' })
