-- The partition's clock and counters: read once by begin(), written once by save_counters() at the end.
-- A library only defines; what a call starts with is set by begin(), the first line of every script, so that a store may
-- keep the definitions from call to call.
-- Time is the store's own, in microseconds. It never goes back: when TIME does, the offset grows by the difference.
local meta, resources, requests, order, deadlines, events, channel
local last_us, offset_us, last_token, last_seq, last_event, now_us, now, now_text, went_back, known_event, counted
-- What a script uses again and again is looked up once.
local call, format, find, match, sub = redis.call, string.format, string.find, string.match, string.sub

-- Integers above 2^31 must not pass through tostring: it writes 1.7e+15 on Lua 5.1 and 1.0 on Lua 5.4.
local function int(number)
  return format('%d', number)
end

local function begin()
  meta, resources, requests, order, deadlines, events = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
  channel = ARGV[1]
  local counters = call('HMGET', meta, 'now', 'offset', 'token', 'seq', 'event', 'counted')
  if not counters[1] then
    error(redis.error_reply('LOST the partition is empty'))
  end
  last_us, offset_us = tonumber(counters[1]), tonumber(counters[2])
  last_token, last_seq, last_event = tonumber(counters[3]), tonumber(counters[4]), tonumber(counters[5])
  known_event, counted = last_event, counters[6]
  local time = redis.call('TIME')
  now_us = tonumber(time[1]) * 1000000 + tonumber(time[2]) + offset_us
  went_back = now_us < last_us
  if went_back then
    offset_us = offset_us + last_us - now_us
    now_us = last_us
  end
  now = math.floor(now_us / 1000)
  now_text = int(now)
end

-- Whatever mints a token or takes an arrival number appends an event.
local function save_counters()
  if last_event == known_event then
    call('HSET', meta, 'now', int(now_us))
  else
    call('HSET', meta, 'now', int(now_us), 'token', int(last_token), 'seq', int(last_seq), 'event', int(last_event))
  end
  if went_back then
    call('HSET', meta, 'offset', int(offset_us))
  end
end
