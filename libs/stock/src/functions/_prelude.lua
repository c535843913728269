--[[
  Shared by every function of the library: checked arguments, one partition's state while a batch is decided, and
  the journal. Concatenated in front of the functions when the library is built.

  KEYS (the same nine for every function; one hash tag, so one slot)
    1 meta         hash    epoch, sequence; `incarnation`: where the epoch began; `filled`: the epoch that it was last filled for;
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
                           is one record, under its last sequence: see `Partition.writeJournal`
  ARGV  1 epoch; 2 and 3 between what times the caller expects the partition's clock to be, "" when it never saw it;
        the rest is said in each function's header

  A Redis function is isolated but not rolled back. So a function first parses every argument, then decides in Lua
  tables (`Partition`), and only then writes (`Partition.write`): an error before that has changed nothing.
  Lua numbers are doubles and tostring() keeps 14 digits: numbers become text by `digits` alone.
]]
local UNITS_MAX = 9007199254740991
local NO_LIMIT, NONE = '-', '-'
-- When to ask what became of a cart that another partition decides: first after this, then again and again.
local PART_CHECK_MS = 10000
local PART_CHECK_AGAIN_MS = 1000
-- How far the clock may be from what a caller expects of it; beyond, nothing is decided until it is understood.
local CLOCK_TOLERANCE_MS = 1000

local function fail(code, message)
  error({ err = code .. ' ' .. message })
end

-- The same few numbers come again and again within a call: an instant, a deadline, a version.
local textOf = {}

-- All of them are integers below 2^53.
local function digits(number)
  local text = textOf[number]
  if not text then
    text = string.format('%d', number)
    textOf[number] = text
  end
  return text
end

-- Decimal digits only: tonumber would also take "0x10", "1e3", " 7" and "inf".
local function integer(text, minimum, maximum, name)
  if type(text) == 'string' and #text <= 17 and string.match(text, '^%-?%d+$') then
    local number = tonumber(text)
    if number >= minimum and number <= maximum then return number end
  end
  fail('HFBADARG', name .. ' is not an integer in range')
end

-- The same of a number that came as JSON.
local function count(number, minimum, maximum, name)
  if type(number) == 'number' and number >= minimum and number <= maximum and number % 1 == 0 then return number end
  fail('HFBADARG', name .. ' is not an integer in range')
end

local function word(text, name)
  if type(text) ~= 'string' or not string.match(text, '^[%w._:-]+$') then fail('HFBADARG', name .. ' is malformed') end
  return text
end

-- A cursor over ARGV, so that no function counts positions by hand.
local function reader(args)
  local position = 1
  local self = {}
  function self.more() return position <= #args end
  function self.text(name)
    local value = args[position]
    if value == nil then fail('HFBADARG', name .. ' is missing') end
    position = position + 1
    return value
  end
  -- The next so many arguments as they are: where they lie, for `callInChunks`.
  function self.raw(size)
    local first = position
    position = position + size
    if position > #args + 1 then fail('HFBADARG', 'arguments are missing') end
    return args, first, position - 1
  end
  function self.word(name) return word(self.text(name), name) end
  function self.integer(name, minimum, maximum) return integer(self.text(name), minimum, maximum or UNITS_MAX, name) end
  -- "" stands for an optional value that was not given.
  function self.optional(name, minimum, maximum)
    local value = self.text(name)
    if value == '' then return nil end
    return integer(value, minimum, maximum or UNITS_MAX, name)
  end
  function self.lines()
    local lines = {}
    for index = 1, self.integer('lines', 1, 50) do
      lines[index] = { sku = self.word('sku'), quantity = self.integer('quantity', 1) }
    end
    return lines
  end
  return self
end

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

local function microseconds(time)
  return tonumber(time[1]) * 1000000 + tonumber(time[2])
end

-- What this library knows of its process: its run, and since when it has been loaded there. That lives in no key: a restart
-- begins another run, a failover to a replica goes on in another, a full resynchronisation loads the library anew.
local process
local function processAt(time)
  if not process then
    local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
    process = { run = run, since = microseconds(time) }
  end
  return process
end

-- Names the memory in which the partition has been since its epoch began. Its epoch has noted the name (`beginIncarnation`): it is
-- still that memory if the library was loaded by then, in the same run. Libraries of two versions give it the same name.
local function incarnationOf(noted, time)
  local here = processAt(time)
  local run, since = string.match(noted or '', '^(%x+)%.(%d+)$')
  if run == here.run and tonumber(since) >= here.since then return noted end
  return here.run .. '.' .. digits(here.since)
end

-- Now, or when the library was loaded, if the clock was set back since.
local function beginIncarnation(keys)
  local time = redis.call('TIME')
  local here = processAt(time)
  local incarnation = here.run .. '.' .. digits(math.max(microseconds(time), here.since))
  redis.call('HSET', keys[1], 'incarnation', incarnation)
  return incarnation
end

local function milliseconds(time)
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

-- The partition's time. A caller knows by its own steady clock what it should be: a clock of this machine that was
-- set in between would expire holds early, or keep them beyond their time.
local function clockOf(meta, time, expected)
  local skew, lived = tonumber(meta.skew or 0), tonumber(meta.lived or 0)
  local now = milliseconds(time) + skew
  if expected and (now < expected.from - CLOCK_TOLERANCE_MS or now > expected.to + CLOCK_TOLERANCE_MS) then
    fail('HFCLOCK', digits(now) .. ' ' .. digits(skew) .. ' ' .. digits(lived))
  end
  return now, skew, lived
end

-- One command for many arguments, as many as a Lua call takes at once: a call costs more than what it writes.
local ARGUMENTS_MAX = 1000
local function callInChunks(command, key, arguments, first, last)
  last = last or #arguments
  for from = first or 1, last, ARGUMENTS_MAX do
    redis.call(command, key, unpack(arguments, from, math.min(from + ARGUMENTS_MAX - 1, last)))
  end
end

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

local function decodeRetired(_, text)
  local outcome, sequence, rest = string.match(text, '^(%S+) (%d+) ?(.*)$')
  return { outcome = outcome, sequence = tonumber(sequence), rest = rest }
end

local function decodeBuyer(_, text)
  local reservation, held, committed = string.match(text, '^(%S+) (%d+) (%d+)$')
  return { reservation = reservation, held = tonumber(held), committed = tonumber(committed) }
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

-- Whether a part is to be asked about later than a sweeper that has looked at it would ask.
function Partition:askedAgain(id)
  return tonumber(redis.call('ZSCORE', self.keys[6], id) or 0) > self.now + PART_CHECK_AGAIN_MS
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

local function writeScores(key, changed)
  local set, gone = {}, {}
  for member, score in pairs(changed) do
    if score then
      set[#set + 1] = digits(score)
      set[#set + 1] = member
    else
      gone[#gone + 1] = member
    end
  end
  callInChunks('ZADD', key, set)
  callInChunks('ZREM', key, gone)
end

local function writeHash(key, changed, encode)
  local set, gone = {}, {}
  for field, value in pairs(changed) do
    if value then
      set[#set + 1] = field
      set[#set + 1] = encode(value)
    else
      gone[#gone + 1] = field
    end
  end
  callInChunks('HSET', key, set)
  callInChunks('HDEL', key, gone)
end

-- Tells every stock cache how the levels stand now, and what each buyer concerned has. Numbers go as text: the
-- encoder keeps 14 digits.
function Partition:publish()
  -- The ends of the holds are a list of their own: instances of an earlier version do not read it.
  local levels, buyers, ends = {}, {}, {}
  for sku, level in pairs(self.changed.levels) do
    local size = #levels
    levels[size + 1], levels[size + 2] = sku, digits(available(level))
    levels[size + 3], levels[size + 4] = digits(level.version), limitText(level)
  end
  for name, units in pairs(self.changed.buyers) do
    local size = #buyers
    buyers[size + 1], buyers[size + 2] = name, units.reservation
    buyers[size + 3] = digits(units.held + units.committed)
    local hold = units.reservation ~= NONE and self:hold(units.reservation)
    ends[#ends + 1] = hold and digits(hold.expiresAt) or '0'
  end
  local channel = string.match(self.keys[1], '^(.-):{') .. ':news'
  redis.call('PUBLISH', channel, cjson.encode({ digits(self.epoch), digits(self.sequence), levels, buyers, ends }))
end

-- Every level that the batch has looked at, as it is now: what the caller's stock cache learns from the reply.
function Partition:seenLevels()
  local seen = {}
  for sku, level in pairs(self.loaded.levels) do
    if level then
      for _, fact in ipairs({ sku, available(level), level.version, limitText(level) }) do seen[#seen + 1] = fact end
    end
  end
  return seen
end

-- A record is an entry, but where something was held: then it is all the entries of the call, as they are replied, and the
-- commands and decisions that they stand for. A command costs more than what it writes, and so does another text.
function Partition:writeJournal(entries, held)
  local key, epoch = self.keys[9], digits(self.epoch) .. '-'
  if held then
    redis.call('XADD', key, epoch .. digits(self.sequence), 'kind', 'reserved', 'at', self.nowText, 'entries', entries,
      'commands', held.commands, 'decisions', held.decisions)
    return
  end
  local first = self.sequence - #self.entries
  for index, entry in ipairs(self.entries) do
    redis.call('XADD', key, epoch .. digits(first + index), unpack(entry))
  end
end

-- Everything is decided: write it all. Answers with what every function replies. `held`: the commands that hold now,
-- and their decisions, as JSON texts.
function Partition:write(decisions, held)
  local keys = self.keys
  -- One text instead of thousands: callers read it many times faster. All its facts are texts themselves.
  local entries = #self.entries > 0 and cjson.encode(self.entries) or '[]'
  self:writeJournal(entries, held)
  if next(self.changed.levels) then self:publish() end
  for name, units in pairs(self.changed.buyers) do
    if units.held == 0 and units.committed == 0 then self.changed.buyers[name] = false end
  end
  writeHash(keys[2], self.changed.levels, encodeLevel)
  writeHash(keys[3], self.changed.holds, encodeHold)
  writeHash(keys[4], self.changed.buyers, function(units)
    return units.reservation .. ' ' .. digits(units.held) .. ' ' .. digits(units.committed)
  end)
  writeScores(keys[5], self.deadlines)
  writeScores(keys[6], self.parts)
  writeHash(keys[7], self.changed.retired, function(record)
    return record.outcome .. ' ' .. digits(record.sequence) .. ' ' .. record.rest
  end)
  local retirements = {}
  for operation in pairs(self.changed.retired) do retirements[operation] = self.now end
  writeScores(keys[8], retirements)
  if #self.entries > 0 then redis.call('HSET', keys[1], 'sequence', digits(self.sequence)) end
  self:live()
  return { self.now, self.sequence - #self.entries, entries, decisions, self:seenLevels(), self.incarnation, self.skew }
end

-- Notes about once a second that this time has been. With nothing held, nobody has been promised anything by a clock
-- that was corrected: it becomes the machine's own again.
function Partition:live()
  if self.now - self.lived >= 1000 or self.now < self.lived then
    local time = self.now
    if self.skew ~= 0 and redis.call('HLEN', self.keys[3]) == 0 then
      redis.call('HDEL', self.keys[1], 'skew')
      time = time - self.skew
    end
    redis.call('HSET', self.keys[1], 'lived', digits(time))
  end
end

local function register(name, callback, flags)
  redis.register_function({
    function_name = 'holdfast_' .. name .. '_' .. VERSION,
    callback = function(keys, args)
      local arguments = reader(args)
      local epoch = arguments.integer('epoch', 1)
      local from, to = arguments.optional('from', 0), arguments.optional('to', 0)
      return callback(keys, epoch, arguments, from and to and { from = from, to = to } or nil)
    end,
    flags = flags or {},
  })
end
