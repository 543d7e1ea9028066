-- The partition's clock and counters: read once at the start, written once by save_counters() at the end.
-- Time is the store's own, in microseconds. It never goes back: when TIME does, the offset grows by the difference.
local meta, resources, requests, order, deadlines, events = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local channel = ARGV[1]

-- Integers above 2^31 must not pass through tostring: it writes 1.7e+15 on Lua 5.1 and 1.0 on Lua 5.4.
local function int(number)
  return string.format('%.0f', number)
end

local counters = redis.call('HMGET', meta, 'now', 'offset', 'token', 'seq', 'event')
local last_us, offset_us = tonumber(counters[1]), tonumber(counters[2])
local last_token, last_seq, last_event = tonumber(counters[3]), tonumber(counters[4]), tonumber(counters[5])
local time = redis.call('TIME')
local now_us = tonumber(time[1]) * 1000000 + tonumber(time[2]) + offset_us
local went_back = now_us < last_us
if went_back then
  offset_us = offset_us + last_us - now_us
  now_us = last_us
end
local now = math.floor(now_us / 1000)

local function save_counters()
  redis.call('HSET', meta, 'now', int(now_us), 'offset', int(offset_us), 'token', int(last_token),
    'seq', int(last_seq), 'event', int(last_event))
end
