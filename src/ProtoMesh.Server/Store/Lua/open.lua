-- Makes a partition ready: its identity when it is new, the keys that must never be empty, and the floor of its tokens.
-- KEYS: 1 meta, 2 resources, 3 requests, 4 order, 5 deadlines, 6 events, 7 rates, 8 budgets
-- ARGV: 1 channel, 2 store_id, 3 epoch, 4 partitions, 5 group_by, 6 token floor
-- Returns: {'ok'} | {'differs'} when it belongs to another store or epoch
-- A store that was first used before there were budgets gets their key here.
local meta, resources, requests, order, deadlines, events = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local known = redis.call('HMGET', meta, 'store_id', 'epoch', 'token')
if not known[1] then
  redis.call('HSET', meta, 'store_id', ARGV[2], 'epoch', ARGV[3], 'partitions', ARGV[4], 'group_by', ARGV[5],
    'token', '0', 'seq', '0', 'offset', '0', 'now', '0', 'event', '0')
  redis.call('HSET', resources, '', '')
  redis.call('HSET', requests, '', '')
  redis.call('ZADD', order, '0', '')
  redis.call('ZADD', deadlines, '9007199254740991', '')
  redis.call('ZADD', KEYS[7], '0', '')
  redis.call('XADD', events, ARGV[3] .. '-0', 'e', '')
  redis.call('XTRIM', events, 'MAXLEN', '0')
  known = {ARGV[2], ARGV[3], '0'}
end
if known[1] ~= ARGV[2] or known[2] ~= ARGV[3] then
  return {'differs'}
end
redis.call('HSET', KEYS[8], '', '')
if tonumber(ARGV[6]) > tonumber(known[3]) then
  redis.call('HSET', meta, 'token', ARGV[6])
end
return {'ok'}
