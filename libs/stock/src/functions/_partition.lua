-- One partition while a batch is decided: what was read of it, and what becomes of it. Nothing here writes.

-- When to ask what became of a cart that another partition decides: first after this, or when it ends; while nobody can
-- tell, again and again; while it is held, at its end and every minute, in case that whoever ended it could not say so.
local PART_CHECK_MS = 10000
local PART_CHECK_AGAIN_MS = 1000
local PART_CHECK_HELD_MS = 60000
-- Its end has passed, and the ledger does not have it yet.
local PART_CHECK_ENDING_MS = 200
-- As many as a Lua call takes at once.
local ARGUMENTS_MAX = 1000

local Partition = {}
Partition.__index = Partition

-- Refuses to work without an epoch or under another one: the caller's ledger has moved on, or Redis lost its data.
function Partition.open(keys, epoch, expected)
  local meta = redis.call('HMGET', keys[1], 'epoch', 'sequence', 'skew', 'lived', 'incarnation')
  if not meta[1] or not meta[2] then fail('HFNOTREADY', 'the partition has no epoch') end
  if tonumber(meta[1]) ~= epoch then fail('HFNOTREADY', 'the partition is in epoch ' .. meta[1]) end
  textOf = {}
  -- Read once: TIME moves on inside a function.
  local time = redis.call('TIME')
  local now, skew, lived = clockOf({ skew = meta[3], lived = meta[4] }, time, expected)
  return setmetatable({
    keys = keys,
    number = string.match(keys[1], '{(%d+)}'),
    epoch = epoch,
    now = now,
    nowText = digits(now),
    skew = skew,
    lived = lived,
    sequence = tonumber(meta[2]),
    incarnation = incarnationOf(meta[5], time),
    entries = {},
    loaded = { levels = {}, holds = {}, buyers = {}, retired = {} },
    changed = { levels = {}, holds = {}, buyers = {}, retired = {} },
    deadlines = {},
    parts = {},
  }, Partition)
end

-- One field of one of the partition's hashes, read at most once in a batch. `false`: there is none.
function Partition:field(name, key, field, decode)
  local cache = self.loaded[name]
  local value = cache[field]
  if value == nil then
    local text = redis.call('HGET', self.keys[key], field)
    value = text and decode(field, text) or false
    cache[field] = value
  end
  return value
end

-- Reads what a batch will look at in a few commands, as `field` would one by one.
function Partition:prefetch(name, key, fields, decode)
  local cache = self.loaded[name]
  for from = 1, #fields, ARGUMENTS_MAX do
    local upTo = math.min(from + ARGUMENTS_MAX - 1, #fields)
    local texts = redis.call('HMGET', self.keys[key], unpack(fields, from, upTo))
    for index, text in ipairs(texts) do
      local field = fields[from + index - 1]
      if cache[field] == nil then cache[field] = text and decode(field, text) or false end
    end
  end
end

function Partition:prefetchReservations(ids, buyers)
  self:prefetch('holds', 3, ids, decodeHold)
  self:prefetch('retired', 7, ids, decodeRetired)
  self:prefetch('buyers', 4, buyers, decodeBuyer)
end

function Partition:level(sku) return self:field('levels', 2, sku, decodeLevel) end
function Partition:hold(id) return self:field('holds', 3, id, decodeHold) end
function Partition:retiredAs(operation) return self:field('retired', 7, operation, decodeRetired) end

function Partition:buyer(sku, buyer)
  local name = sku .. ' ' .. buyer
  local units = self:field('buyers', 4, name, decodeBuyer)
  if not units then
    units = { reservation = NONE, held = 0, committed = 0 }
    self.loaded.buyers[name] = units
  end
  return units
end

function Partition:moveBuyer(sku, buyer, change)
  local name = sku .. ' ' .. buyer
  local units = self:field('buyers', 4, name, decodeBuyer) or self:buyer(sku, buyer)
  units.held = units.held + (change.held or 0)
  units.committed = units.committed + (change.committed or 0)
  if change.reservation then units.reservation = change.reservation end
  if units.held < 0 or units.committed < 0 then fail('HFINVARIANT', 'a buyer would hold less than nothing of ' .. sku) end
  self.changed.buyers[name] = units
end

-- Moves the level and says so with a new version.
function Partition:move(level, change)
  level.onHand = level.onHand + (change.onHand or 0)
  level.held = level.held + (change.held or 0)
  level.committed = level.committed + (change.committed or 0)
  if level.held < 0 or level.committed < 0 or available(level) < 0 then
    fail('HFINVARIANT', 'I1 would break for ' .. level.sku)
  end
  level.version = level.version + 1
  self.changed.levels[level.sku] = level
  return level.version
end

-- Stands for an entry that whoever knows the command and the decision can write himself.
local HELD = 0

-- Appends to the journal what a command of `reserve` holds.
function Partition:journalHeld()
  self.sequence = self.sequence + 1
  self.entries[#self.entries + 1] = HELD
  return self.sequence
end

-- Appends a decision to the journal; `entry` is a flat list of names and texts, which it keeps.
function Partition:journal(kind, entry)
  self.sequence = self.sequence + 1
  local size = #entry
  entry[size + 1], entry[size + 2], entry[size + 3], entry[size + 4] = 'kind', kind, 'at', self.nowText
  self.entries[#self.entries + 1] = entry
  return self.sequence
end

function Partition:retire(operation, outcome, sequence, rest)
  local record = { outcome = outcome, sequence = sequence, rest = rest or '' }
  self.loaded.retired[operation] = record
  self.changed.retired[operation] = record
end

-- A cart over several partitions is decided in the first one named; the others follow the ledger's word.
function Partition:decides(hold)
  return hold.partitions == self.number or string.match(hold.partitions, '^%d+') == self.number
end

-- The deadline in force. A payment that is under way has its own, never before the hold's.
local function deadlineOf(hold)
  return hold.payBy or hold.expiresAt
end

function Partition:lapsed(hold)
  return deadlineOf(hold) <= self.now and self:decides(hold)
end

function Partition:putHold(hold, checkAt)
  self.loaded.holds[hold.id] = hold
  self.changed.holds[hold.id] = hold
  if self:decides(hold) then self.deadlines[hold.id] = deadlineOf(hold) else self.parts[hold.id] = checkAt end
end

-- Whether an attempt may still be about to decide the cart of a part: it has asked for the part not long ago, so that it
-- is to be asked about later than a sweeper that has looked at it would ask.
function Partition:mayBeDecided(hold)
  if self:decides(hold) then return false end
  return hold.createdAt + PART_CHECK_MS > self.now
    or tonumber(redis.call('ZSCORE', self.keys[6], hold.id) or 0) > self.now + PART_CHECK_AGAIN_MS
end

-- Ends a hold: its units go back to the shelf, or on to the buyer who has confirmed.
function Partition:settle(hold, outcome, options)
  local sold = outcome == 'confirmed'
  local lines = {}
  for index, line in ipairs(hold.lines) do
    self:moveBuyer(line.sku, hold.buyer, {
      reservation = NONE, held = -line.quantity, committed = sold and line.quantity or 0,
    })
    local version = self:move(self:level(line.sku), { held = -line.quantity, committed = sold and line.quantity or 0 })
    lines[index] = { sku = line.sku, quantity = line.quantity, version = version }
  end
  self.loaded.holds[hold.id] = false
  self.changed.holds[hold.id] = false
  self.deadlines[hold.id] = false
  self.parts[hold.id] = false
  local sequence = self:journal(outcome, {
    'reservation', hold.id, 'lines', encodeLines(lines), 'partitions', hold.partitions,
    'payment', options and options.payment or '', 'buyer', hold.buyer,
  })
  if not (options and options.forget) then self:retire(hold.id, outcome, sequence) end
  return sequence
end

-- Expires what is due, so that every decision after it sees the units that have come back. Says how many it saw.
function Partition:expireDue(limit)
  local due = redis.call('ZRANGE', self.keys[5], '-inf', digits(self.now), 'BYSCORE', 'LIMIT', 0, limit)
  for _, id in ipairs(due) do
    local hold = self:hold(id)
    if hold and self:lapsed(hold) then self:settle(hold, 'expired') else self.deadlines[id] = hold and deadlineOf(hold) or false end
  end
  return #due
end

-- Why a cart cannot be had: looked for in the order that the contract names, over all lines each.
function Partition:refusal(command)
  for _, line in ipairs(command.lines) do
    if not self:level(line.sku) then return { 'unknown-sku', line.sku } end
  end
  for _, line in ipairs(command.lines) do
    local units = self:buyer(line.sku, command.buyer)
    local hold = units.reservation ~= NONE and self:hold(units.reservation)
    if hold and self:lapsed(hold) then
      self:settle(hold, 'expired')
    elseif hold then
      return { 'duplicate-reservation', line.sku, units.reservation }
    end
  end
  for _, line in ipairs(command.lines) do
    local limit = self:level(line.sku).buyerLimit
    local units = self:buyer(line.sku, command.buyer)
    if limit and units.held + units.committed + line.quantity > limit then
      return { 'buyer-limit-exceeded', line.sku, digits(limit) }
    end
  end
  local short
  for _, line in ipairs(command.lines) do
    local left = available(self:level(line.sku))
    if left == 0 then return { 'sold-out', line.sku, '0' } end
    if left < line.quantity and not short then short = { 'insufficient-stock', line.sku, digits(left) } end
  end
  return short
end

-- What a hold answers to whoever wants to end or change it while it is being paid; nil: nothing is in his way.
function Partition:pending(hold)
  if hold.payment then return { 'payment-pending', hold.sequence, hold.payment } end
end

-- What became of an operation that holds nothing any more, as a decision.
function Partition:outcomeOf(id)
  local record = self:retiredAs(id)
  if record then return { 'ended', record.outcome, digits(record.sequence) } end
  return { 'unknown' }
end
