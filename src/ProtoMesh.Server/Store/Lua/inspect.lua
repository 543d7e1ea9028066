-- What recovery has to know of a partition before anything else may touch it. Writes nothing.
-- KEYS: 1 meta, 2 resources, 3 requests, 4 order, 5 deadlines, 6 events
-- ARGV: 1 channel
-- Returns: {'empty'} | {'exists', store_id, epoch, partitions, group_by, last token, last event id}
local meta = KEYS[1]
local known = redis.call('HMGET', meta, 'store_id', 'epoch', 'partitions', 'group_by', 'token', 'event')
if not known[1] then
  return {'empty'}
end
return {'exists', known[1], known[2], known[3], known[4], known[5], known[2] .. '-' .. known[6]}
