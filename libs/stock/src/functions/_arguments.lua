--[[
  What every function begins with: checked arguments.

  ARGV  1 epoch; 2 and 3 between what times the caller expects the partition's clock to be, "" when it never saw it;
        the rest is said in each function's header
  KEYS  the nine of a partition: _records.lua

  A Redis function is isolated but not rolled back. So a function first parses every argument, then decides in Lua
  tables (_partition.lua), and only then writes (_write.lua): an error before that has changed nothing.
  Lua numbers are doubles and tostring() keeps 14 digits: numbers become text by `digits` alone.
]]
local UNITS_MAX = 9007199254740991

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
