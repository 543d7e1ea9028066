-- Ends every hold of a resource. Unless it is immediate, the resources rest until the last end their holders were told.
-- KEYS: 1 meta, 2 resources, 3 requests, 4 order, 5 deadlines, 6 events
-- ARGV: 1 channel, 2 settings, 3 name, 4 reason, 5 '1' when immediate
-- Returns: {'ok', now, end of the rest or 0, how many wait, id, record, ...}
--@include Locks/Lua/_lib/waiting.lua
begin()
local name, reason, immediate = ARGV[3], ARGV[4], ARGV[5] == '1'
catch_up(16)
local reply = {'ok', int(now), '0', '0'}
local members = call('ZRANGEBYLEX', order, '[' .. name .. '\1h', '(' .. name .. '\1i')
for _, member in ipairs(members) do
  local id = match(member, '([^\1]*)$')
  local request = load_request(id)
  local told = (request.claimed == '1' and not immediate) and tonumber(request.ends) or 0
  finish(id, request, 'force_released', now, 'force_release', reason, told)
  reply[#reply + 1] = id
  reply[#reply + 1] = request_text(request)
end
local resource = load_resource(name)
if immediate and resource.rest_ends > now then
  resource.rest_ends = 0
  call('ZREM', deadlines, '\1' .. name)
  keep_resource(name, resource)
  mark_dirty(name)
end
settle('force_release')
reply[3], reply[4] = int(resource.rest_ends > now and resource.rest_ends or 0), int(resource.waiting)
return reply
