-- Resources that are held, waited for or at rest, by name. Writes nothing.
-- KEYS: 1 meta, 2 resources, 3 requests, 4 order, 5 deadlines, 6 events
-- ARGV: 1 channel, 2 settings, 3 first bound (as of ZRANGEBYLEX), 4 most resources
-- Returns: {'ok', now, name, resource, id of a holder or '', its record or '', ...}
--@include Locks/Lua/_lib/resources.lua
local reply, from = {'ok', int(now)}, ARGV[3]
for _ = 1, tonumber(ARGV[4]) do
  local member = redis.call('ZRANGEBYLEX', order, from, '+', 'LIMIT', '0', '1')[1]
  if not member then
    break
  end
  local name, kind = string.match(member, '^([^\1]*)\1(.)')
  local holder = kind == 'h' and string.match(member, '([^\1]*)$') or ''
  reply[#reply + 1] = name
  reply[#reply + 1] = redis.call('HGET', resources, name)
  reply[#reply + 1] = holder
  reply[#reply + 1] = holder ~= '' and redis.call('HGET', requests, holder) or ''
  from = '(' .. name .. '\1x'
end
return reply
