-- Whose leases a caller may keep. A guard is '' for anybody's, or a namespace, \1, and then = and an agent, ^ and what
-- agents begin with, or nothing for any agent of the namespace.
--@include Locks/Lua/_lib/requests.lua

-- The request; false when it is not there for this caller, and true as a second value when it is another agent's.
local function load_guarded(id, guard)
  local request = load_request(id)
  if not request or not guard or guard == '' then
    return request
  end
  local space, kind, who = match(guard, '^([^\1]*)\1(.?)(.*)$')
  if match(request.names, '^%a,%d+,%d+,([^/]*)/') ~= space then
    return false
  end
  if (kind == '=' and request.agent ~= who) or (kind == '^' and sub(request.agent, 1, #who) ~= who) then
    return false, true
  end
  return request
end
