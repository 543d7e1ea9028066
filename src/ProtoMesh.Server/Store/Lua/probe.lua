-- Proves that the partition takes a write.
-- KEYS: 1 meta, 2 resources, 3 requests, 4 order, 5 deadlines, 6 events
-- ARGV: 1 channel
-- Returns: {'ok'}
local time = redis.call('TIME')
redis.call('HSET', KEYS[1], 'probed', time[1])
return {'ok'}
