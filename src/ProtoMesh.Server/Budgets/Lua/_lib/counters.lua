-- Counters: what one key has used of one budget in one window. begin_budgets() starts a call, save_budgets() ends it.
-- Field in the hash of budgets: 'c' with namespace, name, unit, shape, key and window, joined by \4.
--   shape: 'l' lifetime, 'c:day:UTC' calendar, 'r:3600000' rolling; window: 'start,end' in ms of a calendar one, else ''
-- Text: held, time of the last use, event of the last change, alerts as 'percent:time,', and buckets, joined by \1
--   bucket: 'index,spent,topped up,disputed', joined by \2. One of index 0; a rolling window has one for each 59th part of
--   its length. All of a bucket counts while any part of it is in the window: at most 60 of them, and never too little.
--@include Journal/Lua/_lib/append.lua
local holds, budgets, loaded_counters, changed_lines
-- How long what is over is kept for late commits and readers, how long a hold is at most (of a request that waits a day and 10 minutes, for
-- another day), and a counter without an end that nobody touches.
local kept_ms, hold_most_ms, idle_ms = 604800000, 173400000, 34560000000

local function begin_budgets()
  holds, budgets, loaded_counters, changed_lines = KEYS[7], KEYS[8], {}, {}
end

local function stamp(ms)
  return format('%016d', ms)
end

-- A line names one counter and its limit: 'name\3key\3cap\3alerts\3shape\3window\3unit'.
local function read_line(space, text)
  local name, key, cap, alerts, shape, window, unit =
    match(text, '^([^\3]*)\3([^\3]*)\3(%d+)\3([^\3]*)\3([^\3]*)\3([^\3]*)\3([^\3]*)$')
  local starts, ends = match(window, '^(%d+),(%d+)$')
  local span = tonumber(match(shape, '^r:(%d+)$'))
  return {name = name, key = key, cap = tonumber(cap), alerts = alerts, text = text, span = span, width = span and math.ceil(span / 59),
    starts = tonumber(starts), ends = tonumber(ends),
    field = 'c' .. space .. '\4' .. name .. '\4' .. unit .. '\4' .. shape .. '\4' .. key .. '\4' .. window}
end

local function load_counter(line)
  local counter = loaded_counters[line.field]
  if not counter then
    counter = {held = 0, used_at = now, event = '', alerts = '', buckets = {}, is_new = true}
    local text = call('HGET', budgets, line.field)
    if text then
      local held, used_at, event, alerts, buckets = match(text, '^(%d+)\1(%d+)\1([^\1]*)\1([^\1]*)\1(.*)$')
      counter = {held = tonumber(held), used_at = tonumber(used_at), event = event, alerts = alerts, buckets = {}}
      for index, spent, topped, disputed in string.gmatch(buckets, '(%d+),(%d+),(%d+),(%d+)') do
        counter.buckets[#counter.buckets + 1] =
          {index = tonumber(index), spent = tonumber(spent), topped = tonumber(topped), disputed = tonumber(disputed)}
      end
    end
    loaded_counters[line.field] = counter
  end
  return counter
end

-- The oldest bucket that is still in the window, in part at least.
local function first_bucket(line)
  return line.span and math.floor((now - line.span) / line.width) or 0
end

local function bucket_of(line, at)
  local buckets, index = load_counter(line).buckets, line.span and math.floor(at / line.width) or 0
  for _, bucket in ipairs(buckets) do
    if bucket.index == index then
      return bucket
    end
  end
  buckets[#buckets + 1] = {index = index, spent = 0, topped = 0, disputed = 0}
  return buckets[#buckets]
end

-- Spent, topped up and disputed in the window. What was topped up ends with the last whole bucket, so that it lasts no longer than the window.
local function totals(line)
  local spent, topped, disputed, first = 0, 0, 0, first_bucket(line)
  for _, bucket in ipairs(load_counter(line).buckets) do
    if bucket.index >= first then
      spent, disputed = spent + bucket.spent, disputed + bucket.disputed
      topped = topped + ((bucket.index > first or not line.span) and bucket.topped or 0)
    end
  end
  return spent, topped, disputed
end

local function mark_changed(line)
  local counter = load_counter(line)
  if not counter.is_changed then
    counter.is_changed, changed_lines[#changed_lines + 1] = true, line
  end
end

local function line_view(line)
  local spent, topped, disputed = totals(line)
  local counter = load_counter(line)
  return line.text .. '\3' .. int(spent) .. '\3' .. int(counter.held) .. '\3' .. int(topped) .. '\3' .. int(disputed) .. '\3' .. counter.event
end
