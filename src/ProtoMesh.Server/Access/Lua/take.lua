-- Takes calls from the bucket of a namespace, which fills at its rate up to its burst: as many as are asked for, or what is there.
-- KEYS: 1 meta, 2 resources, 3 requests, 4 order, 5 deadlines, 6 events
-- ARGV: 1 channel, 2 namespace, 3 calls a second, 4 burst, 5 how many
-- Returns: {'ok', how many it took, how many are left, ms until there is one more}
-- In meta: bucket NAME, as its level in millionths of a call and the time in microseconds, so that no part of a call is lost.
--@include Store/Lua/_lib/clock.lua
begin()
local field, rate, burst, asked = 'bucket ' .. ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]) * 1000000, tonumber(ARGV[5])
local level, at = match(call('HGET', meta, field) or '', '^(%d+) (%d+)$')
if level then
  local since = math.min(now_us - tonumber(at), math.ceil(burst / rate))
  level = math.min(burst, tonumber(level) + since * rate)
else
  level = burst
end
local took = math.min(asked, math.floor(level / 1000000))
level = level - took * 1000000
if took > 0 then
  call('HSET', meta, field, int(level) .. ' ' .. int(now_us))
  save_counters()
end
return {'ok', int(took), int(math.floor(level / 1000000)), int(math.max(1, math.ceil((1000000 - level) / rate / 1000)))}
