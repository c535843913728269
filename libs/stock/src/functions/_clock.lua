-- The memory that a partition is in, and its time.

-- How far the clock may be from what a caller expects of it; beyond, nothing is decided until it is understood.
local CLOCK_TOLERANCE_MS = 1000

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
