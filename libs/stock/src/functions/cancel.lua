--[[
  Takes sold units back, once per order: the ledger has cancelled it and says so until this has answered.

  ARGV after epoch and clock, per command: reservation, buyer, lines: n, then n times sku and quantity
  Decisions, one per command: cancelled sequence (now or before)
]]
register('cancel', function(keys, epoch, arguments, expected)
  local commands = {}
  while arguments.more() do
    commands[#commands + 1] =
      { id = arguments.word('reservation'), buyer = arguments.text('buyer'), lines = arguments.lines() }
  end
  local partition = Partition.open(keys, epoch, expected)
  local decisions = {}
  for index, command in ipairs(commands) do
    local operation = 'cancel:' .. command.id
    local earlier = partition:retiredAs(operation)
    if earlier then
      decisions[index] = { 'cancelled', earlier.sequence }
    else
      local lines = {}
      for position, line in ipairs(command.lines) do
        local level = partition:level(line.sku)
        if not level then fail('HFINVARIANT', 'a sold SKU is unknown: ' .. line.sku) end
        partition:moveBuyer(line.sku, command.buyer, { committed = -line.quantity })
        local version = partition:move(level, { committed = -line.quantity })
        lines[position] = { sku = line.sku, quantity = line.quantity, version = version }
      end
      local sequence = partition:journal('cancelled', {
        'reservation', command.id, 'lines', encodeLines(lines), 'partitions', '', 'buyer', command.buyer,
      })
      partition:retire(operation, 'cancelled', sequence)
      decisions[index] = { 'cancelled', sequence }
    end
  end
  return partition:write(decisions)
end, { 'allow-oom' })
