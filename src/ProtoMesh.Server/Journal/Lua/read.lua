-- Hands a batch of the outbox to the one replica that consumes it now, after dropping what that replica has committed.
-- The lease only saves work: the journal itself takes each event once, whoever consumes.
-- KEYS: 1 meta, 2 resources, 3 requests, 4 order, 5 deadlines, 6 events
-- ARGV: 1 channel, 2 consumer id, 3 lease in ms, 0 to give it back, 4 last committed event id or '', 5 most events to return
-- Returns: {'busy'} | {'ok', store_id, epoch, now in ms, counter of the newest event, id, event, id, event, ...}
--@include Store/Lua/_lib/clock.lua
begin()
local consumer, lease_ms, committed, limit = ARGV[2], tonumber(ARGV[3]), ARGV[4], ARGV[5]

local known = call('HMGET', meta, 'consumer', 'consumer_until', 'store_id')
local held_until = tonumber(known[2] or '0')
if known[1] ~= consumer and held_until > now then
  return {'busy'}
end
if known[1] ~= consumer or held_until < now + lease_ms / 2 or lease_ms == 0 then
  call('HSET', meta, 'consumer', consumer, 'consumer_until', int(now + lease_ms))
end

local from = '-'
if committed ~= '' then
  from = '(' .. committed
  local epoch, counter = match(committed, '^(%d+)-(%d+)$')
  if call('XTRIM', events, 'MINID', epoch .. '-' .. int(tonumber(counter) + 1)) > 0 then
    call('PUBLISH', channel, 'journaled ' .. committed)
  end
end
local reply = {'ok', known[3], EPOCH, int(now), int(last_event)}
for _, entry in ipairs(call('XRANGE', events, from, '+', 'COUNT', limit)) do
  reply[#reply + 1] = entry[1]
  reply[#reply + 1] = entry[2][2]
end
return reply
