-- Proves that the partition is there and takes a write.
-- KEYS: 1 meta, 2 resources, 3 requests, 4 order, 5 deadlines, 6 events
-- ARGV: 1 channel
-- Returns: {'ok'}
--@include Store/Lua/_lib/clock.lua
begin()
redis.call('HSET', meta, 'probed', int(now))
return {'ok'}
