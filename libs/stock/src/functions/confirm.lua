--[[
  Sells the units of each hold: held becomes committed.

  ARGV after the epoch, per command: reservation
  Decisions, one per command: confirmed sequence | ended outcome sequence | unknown
]]
register('confirm', function(keys, epoch, arguments)
  local ids = {}
  while arguments.more() do ids[#ids + 1] = arguments.word('reservation') end
  local partition = Partition.open(keys, epoch)
  local decisions = {}
  for index, id in ipairs(ids) do
    local hold = partition:hold(id)
    if not hold then
      decisions[index] = partition:outcomeOf(id)
    elseif partition:lapsed(hold) then
      decisions[index] = { 'ended', 'expired', partition:settle(hold, 'expired') }
    else
      decisions[index] = { 'confirmed', partition:settle(hold, 'confirmed') }
    end
  end
  return partition:write(decisions)
end, { 'allow-oom' })
