-- Live requests in the order of their resources, holders before waiters, waiters in the order of their turn. Writes nothing.
-- KEYS: 1 meta, 2 resources, 3 requests, 4 order, 5 deadlines, 6 events
-- ARGV: 1 channel, 2 settings, 3 first bound, 4 last bound (as of ZRANGEBYLEX), 5 most entries
-- Returns: {'ok', now, member, id, record, ...}
--@include Locks/Lua/_lib/requests.lua
begin()
local reply = {'ok', int(now)}
for _, member in ipairs(call('ZRANGEBYLEX', order, ARGV[3], ARGV[4], 'LIMIT', '0', ARGV[5])) do
  local name, kind, tail = match(member, '^([^\1]*)\1(.)(.*)$')
  local id = kind == 'w' and sub(tail, 28) or match(tail, '([^\1]*)$')
  reply[#reply + 1] = member
  reply[#reply + 1] = id
  reply[#reply + 1] = call('HGET', requests, id)
end
return reply
