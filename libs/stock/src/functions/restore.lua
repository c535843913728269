--[[
  Fills a partition from the ledger under a new epoch, in three steps: `open` empties it (nothing can be decided
  from then on), `load` brings chunks, `close` opens admission. Each is safe to repeat, and a step of an older
  rebuild is refused.

  ARGV after the (new) epoch: step, then
    open
    load   any number of: "level" sku text | "hold" reservation text deadline | "part" reservation text checkAt | "buyer" name text
    close
  Reply: OK
]]
local function restoring(keys, epoch)
  local token = tonumber(redis.call('HGET', keys[1], 'restoring') or 0)
  if token ~= epoch then fail('HFNOTREADY', 'another rebuild has taken over') end
end

local restoreSteps = {}

function restoreSteps.open(keys, epoch)
  local meta = redis.call('HMGET', keys[1], 'epoch', 'restoring')
  if math.max(tonumber(meta[1] or 0), tonumber(meta[2] or 0)) > epoch then
    fail('HFNOTREADY', 'the partition has seen a later epoch')
  end
  redis.call('UNLINK', unpack(keys))
  redis.call('HSET', keys[1], 'restoring', digits(epoch))
end

function restoreSteps.load(keys, epoch, arguments)
  restoring(keys, epoch)
  while arguments.more() do
    local what, name, text = arguments.text('what'), arguments.text('name'), arguments.text('text')
    if what == 'level' then
      redis.call('HSET', keys[2], name, text)
    elseif what == 'hold' or what == 'part' then
      redis.call('HSET', keys[3], name, text)
      redis.call('ZADD', keys[what == 'hold' and 5 or 6], arguments.text('score'), name)
    elseif what == 'buyer' then
      redis.call('HSET', keys[4], name, text)
    else
      fail('HFBADARG', 'unknown kind of record')
    end
  end
end

function restoreSteps.close(keys, epoch)
  if tonumber(redis.call('HGET', keys[1], 'epoch') or 0) == epoch then return end
  restoring(keys, epoch)
  redis.call('HDEL', keys[1], 'restoring')
  redis.call('HSET', keys[1], 'epoch', digits(epoch), 'sequence', '0')
end

register('restore', function(keys, epoch, arguments)
  local step = restoreSteps[arguments.text('step')]
  if not step then fail('HFBADARG', 'unknown step') end
  step(keys, epoch, arguments)
  return redis.status_reply('OK')
-- At maxmemory too: a partition that stays closed could not release or expire what takes the room.
end, { 'allow-oom' })
