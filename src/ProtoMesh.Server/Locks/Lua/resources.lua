-- Resources that are held or waited for, by name. Writes nothing.
-- KEYS: 1 meta, 2 resources, 3 requests, 4 order, 5 deadlines, 6 events
-- ARGV: 1 channel, 2 settings, 3 first bound (as of ZRANGEBYLEX), 4 most resources
-- Returns: {'ok', now, name, resource, {id, record} of a holder or {}, {id, record} of the first waiter or {}, ...}
--@include Locks/Lua/_lib/resources.lua
begin()
local reply, from = {'ok', int(now)}, ARGV[3]
for _ = 1, tonumber(ARGV[4]) do
  local member = call('ZRANGEBYLEX', order, from, '+', 'LIMIT', '0', '1')[1]
  if not member then
    break
  end
  local name, kind = match(member, '^([^\1]*)\1(.)')
  local holder, waiter = {}, {}
  if kind == 'h' then
    local id = match(member, '([^\1]*)$')
    holder = {id, call('HGET', requests, id)}
  end
  local first = first_waiter(name)
  if first then
    local id = waiter_id(name, first)
    waiter = {id, call('HGET', requests, id)}
  end
  reply[#reply + 1] = name
  reply[#reply + 1] = call('HGET', resources, name)
  reply[#reply + 1] = holder
  reply[#reply + 1] = waiter
  from = '(' .. name .. '\1x'
end
return reply
