--[[
  Makes a partition ready for a new epoch. Either it is filled from the ledger: `open` empties it (nothing can be decided from then
  on), `load` brings chunks, `ready` counts whether all of it is there. Or it stays as it is, because it has what the ledger has:
  `keep`, and its sequence goes on. `admit`, once the ledger is in the new epoch, opens admission. A step of another attempt is
  refused, so that a rebuilder whose transaction was lost does no harm.

  ARGV after the (new) epoch and clock: attempt (a number of this attempt's own), step, then
    open
    load   any number of: where, how many arguments follow, and these: "levels" (sku text)... | "holds" (reservation text)...
           | "buyers" (name text)... | "deadlines" (deadline reservation)... | "parts" (checkAt reservation)...
           | "undecided" (reservation)...: parts of carts that are not decided, asked about as if they had been held now
    ready  how many levels, holds (parts included) and buyers were loaded
    keep   the epoch and the sequence that the ledger is in
    admit  the incarnation that was replied to `ready` or `keep`
  Reply: OK, or the name of the new epoch's incarnation
]]
local function tokenOf(epoch, attempt)
  return digits(epoch) .. ' ' .. digits(attempt)
end

local function expect(keys, token)
  if redis.call('HGET', keys[1], 'restoring') ~= token then fail('HFNOTREADY', 'another rebuild has taken over') end
end

local function epochIn(token)
  return tonumber(string.match(token or '0', '^%d+'))
end

local steps = {}

function steps.open(keys, epoch, token)
  local meta = redis.call('HMGET', keys[1], 'epoch', 'restoring', 'restored')
  if math.max(epochIn(meta[1]), epochIn(meta[2]), epochIn(meta[3])) > epoch then
    fail('HFNOTREADY', 'the partition has seen a later epoch')
  end
  -- Deadlines that are brought back were given by this clock.
  local clock = redis.call('HMGET', keys[1], 'skew', 'lived')
  redis.call('UNLINK', unpack(keys))
  redis.call('HSET', keys[1], 'restoring', token)
  if clock[1] then redis.call('HSET', keys[1], 'skew', clock[1], 'lived', clock[2] or '0') end
end

local places = {
  levels = { key = 2, command = 'HSET' },
  holds = { key = 3, command = 'HSET' },
  buyers = { key = 4, command = 'HSET' },
  deadlines = { key = 5, command = 'ZADD' },
  parts = { key = 6, command = 'ZADD' },
}

-- An attempt that holds one of them may be about to decide.
local function loadUndecided(keys, ids, first, last)
  local skew = tonumber(redis.call('HGET', keys[1], 'skew') or 0)
  local checkAt = digits(milliseconds(redis.call('TIME')) + skew + PART_CHECK_MS)
  for index = first, last do redis.call('ZADD', keys[6], checkAt, ids[index]) end
end

function steps.load(keys, _, token, arguments)
  expect(keys, token)
  while arguments.more() do
    local name = arguments.text('place')
    local list, first, last = arguments.raw(arguments.integer('arguments', 1))
    local place = places[name]
    if name == 'undecided' then
      loadUndecided(keys, list, first, last)
    elseif place then
      callInChunks(place.command, keys[place.key], list, first, last)
    else
      fail('HFBADARG', 'unknown kind of record')
    end
  end
end

-- A Redis that lost chunks on the way, by a restart or a failover, has fewer than were sent.
function steps.ready(keys, epoch, token, arguments)
  expect(keys, token)
  for position, name in ipairs({ 'levels', 'holds', 'buyers' }) do
    local loaded, there = arguments.integer(name, 0), redis.call('HLEN', keys[position + 1])
    if loaded ~= there then fail('HFNOTREADY', 'the rebuild lost ' .. name .. ' on the way') end
  end
  redis.call('HDEL', keys[1], 'restoring')
  redis.call('HSET', keys[1], 'restored', token, 'sequence', '0', 'filled', digits(epoch))
  return beginIncarnation(keys)
end

-- What was decided after the ledger was asked, the ledger has to have first.
function steps.keep(keys, _, token, arguments)
  local meta = redis.call('HMGET', keys[1], 'epoch', 'sequence')
  local epoch, sequence = arguments.integer('epoch', 1), arguments.integer('sequence', 0)
  if tonumber(meta[1]) ~= epoch or tonumber(meta[2]) ~= sequence then
    fail('HFNOTREADY', 'the partition is not where the ledger is')
  end
  redis.call('HDEL', keys[1], 'epoch')
  redis.call('HSET', keys[1], 'restored', token)
  return beginIncarnation(keys)
end

-- Only in the memory that was made ready: one that came back from a disk may have lost what was decided since.
function steps.admit(keys, epoch, _, arguments)
  local incarnation = arguments.text('incarnation')
  local meta = redis.call('HMGET', keys[1], 'epoch', 'restored', 'incarnation')
  if incarnationOf(meta[3], redis.call('TIME')) ~= incarnation then
    fail('HFNOTREADY', 'this is not the memory that was made ready')
  end
  if tonumber(meta[1]) == epoch then return end
  if epochIn(meta[2]) ~= epoch then fail('HFNOTREADY', 'another rebuild has taken over') end
  redis.call('HDEL', keys[1], 'restored')
  redis.call('HSET', keys[1], 'epoch', digits(epoch))
end

register('restore', function(keys, epoch, arguments)
  local token = tokenOf(epoch, arguments.integer('attempt', 0))
  local step = steps[arguments.text('step')]
  if not step then fail('HFBADARG', 'unknown step') end
  return step(keys, epoch, token, arguments) or redis.status_reply('OK')
-- At maxmemory too: a partition that stays closed could not release or expire what takes the room.
end, { 'allow-oom' })
