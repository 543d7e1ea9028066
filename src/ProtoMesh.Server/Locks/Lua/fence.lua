-- Compares a fencing token with the live holds of a resource. Writes nothing and tells no token.
-- KEYS: 1 meta, 2 resources, 3 requests, 4 order, 5 deadlines, 6 events
-- ARGV: 1 channel, 2 settings, 3 name, 4 fencing token
-- Returns: {'held' | 'superseded' | 'not_held' | 'unknown'}
--@include Locks/Lua/_lib/requests.lua
begin()
local name, token, verdict = ARGV[3], ARGV[4], 'not_held'
for _, member in ipairs(call('ZRANGEBYLEX', order, '[' .. name .. '\1h', '(' .. name .. '\1i')) do
  local request = load_request(match(member, '([^\1]*)$'))
  if request and request.state == 'granted' and tonumber(request.ends) > now then
    if request.token == token then
      return {'held'}
    end
    verdict = (verdict == 'superseded' or tonumber(token) < tonumber(request.token)) and 'superseded' or 'unknown'
  end
end
return {verdict}
