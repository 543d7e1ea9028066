-- How a resource is held, for rules that read it. Writes nothing and tells no token.
-- KEYS: 1 meta, 2 resources, 3 requests, 4 order, 5 deadlines, 6 events, 7 rates, 8 budgets
-- ARGV: 1 channel, 2 '', 3 name, 4 agent_id, 5 the token that the agent shows or ''
-- Returns: {'ok', now, the agent's own lease: id, mode, end; the first holder: agent, mode, end; how many wait}, '' for what is not there
--@include Locks/Lua/_lib/held.lua
begin()
local name = ARGV[3]
local id, own, own_mode = lease_of(name, ARGV[4], ARGV[5])
local agent, mode, ends = '', '', ''
for _, member in ipairs(redis.call('ZRANGEBYLEX', order, '[' .. name .. '\1h', '(' .. name .. '\1i', 'LIMIT', '0', '8')) do
  local request = load_request(string.match(member, '([^\1]*)$'))
  if agent == '' and request and request.state == 'granted' and tonumber(request.ends) > now then
    agent, mode, ends = request.agent, load_resource(name).mode, request.ends
  end
end
return {'ok', int(now), id or '', own_mode or '', own and own.ends or '', agent, mode, ends, int(load_resource(name).waiting)}
