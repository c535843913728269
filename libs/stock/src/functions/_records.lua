--[[
  What the keys of a partition hold, and how it is written there.

  KEYS (the same nine for every function; one hash tag, so one slot)
    1 meta         hash    epoch, sequence; `incarnation`: where the epoch began; `filled`: the epoch that it was last filled for;
                           `forgotten`: the ledger had the journal up to there, and it may be gone here;
                           while the partition is rebuilt `restoring`, and once it is ready for the next epoch `restored`;
                           the partition's clock: `skew` (its time is TIME + skew, in ms) and `lived` (a time it has had)
    2 levels       hash    sku -> "onHand held committed buyerLimit holdTtlSeconds version"; buyerLimit "-" is none
    3 holds        hash    reservation -> "sequence createdAt expiresAt partitions lines buyer"; while it is being paid
                           "paying payment deadline " in front of that
    4 buyers       hash    "sku buyer" -> "reservation held committed"; reservation "-" is none
    5 deadlines    zset    reservation by the deadline in force: the payment's while it is being paid
    6 parts        zset    reservation that another partition decides, by the instant at which to ask about it
    7 retired      hash    operation -> "outcome sequence ..."; what an operation that comes again is told
    8 retirements  zset    operation by the instant it was retired
    9 journal      stream  <epoch>-<sequence>: every decision, in order, for the ledger. What one call of `reserve` decided
                           is one record, under its last sequence: see `Partition:writeJournal` in _write.lua
]]
local NO_LIMIT, NONE = '-', '-'

local function decodeLevel(sku, text)
  local onHand, held, committed, limit, ttl, version =
    string.match(text, '^(%d+) (%d+) (%d+) (%S+) (%d+) (%d+)$')
  return {
    sku = sku,
    onHand = tonumber(onHand),
    held = tonumber(held),
    committed = tonumber(committed),
    buyerLimit = limit ~= NO_LIMIT and tonumber(limit) or nil,
    holdTtlSeconds = tonumber(ttl),
    version = tonumber(version),
  }
end

local function limitText(level)
  return level.buyerLimit and digits(level.buyerLimit) or NO_LIMIT
end

local function encodeLevel(level)
  return table.concat({
    digits(level.onHand), digits(level.held), digits(level.committed), limitText(level),
    digits(level.holdTtlSeconds), digits(level.version),
  }, ' ')
end

local function available(level)
  return level.onHand - level.held - level.committed
end

-- "sku quantity,sku quantity" in a hold; in a journal entry also the level's version and, where units are taken,
-- the buyer limit they were taken under.
local function encodeLines(lines)
  local texts = {}
  for index, line in ipairs(lines) do
    local text = line.sku .. ' ' .. digits(line.quantity)
    if line.version then text = text .. ' ' .. digits(line.version) end
    if line.limit then text = text .. ' ' .. line.limit end
    texts[index] = text
  end
  return table.concat(texts, ',')
end

local function decodeLines(text)
  local lines = {}
  for sku, quantity in string.gmatch(text, '([^ ,]+) (%d+)') do
    lines[#lines + 1] = { sku = sku, quantity = tonumber(quantity) }
  end
  return lines
end

local function encodeHold(hold)
  local paying = hold.payment and 'paying ' .. hold.payment .. ' ' .. digits(hold.payBy) .. ' ' or ''
  local cart = hold.lines[1].sku .. '=' .. digits(hold.lines[1].quantity)
  for index = 2, #hold.lines do
    cart = cart .. ',' .. hold.lines[index].sku .. '=' .. digits(hold.lines[index].quantity)
  end
  return paying .. digits(hold.sequence) .. ' ' .. digits(hold.createdAt) .. ' ' .. digits(hold.expiresAt) .. ' '
    .. hold.partitions .. ' ' .. cart .. ' ' .. hold.buyer
end

local function decodeHold(id, text)
  local payment, payBy, rest = string.match(text, '^paying (%S+) (%d+) (.*)$')
  local sequence, createdAt, expiresAt, partitions, lines, buyer =
    string.match(rest or text, '^(%d+) (%d+) (%d+) (%S+) (%S+) (.*)$')
  return {
    id = id,
    payment = payment,
    payBy = payBy and tonumber(payBy),
    sequence = tonumber(sequence),
    createdAt = tonumber(createdAt),
    expiresAt = tonumber(expiresAt),
    partitions = partitions,
    lines = decodeLines((string.gsub(lines, '=', ' '))),
    buyer = buyer,
  }
end

local function decodeRetired(_, text)
  local outcome, sequence, rest = string.match(text, '^(%S+) (%d+) ?(.*)$')
  return { outcome = outcome, sequence = tonumber(sequence), rest = rest }
end

local function decodeBuyer(_, text)
  local reservation, held, committed = string.match(text, '^(%S+) (%d+) (%d+)$')
  return { reservation = reservation, held = tonumber(held), committed = tonumber(committed) }
end
