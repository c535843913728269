-- Everything is decided: the partition is written, its journal goes on, and everybody hears of it.

-- One command for many arguments: a call costs more than what it writes.
local function callInChunks(command, key, arguments, first, last)
  last = last or #arguments
  for from = first or 1, last, ARGUMENTS_MAX do
    redis.call(command, key, unpack(arguments, from, math.min(from + ARGUMENTS_MAX - 1, last)))
  end
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
