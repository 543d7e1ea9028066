-- Gives back what was reserved with a request that ended before anybody was told of a lease. finish() notes it in 'order', in the step that
-- ends the request, and the sweeper comes to it: once, also after a crash.
-- Member of 'order': kind 'b', namespace \4 reservation id \4 agent
--@include Budgets/Lua/_lib/sweep.lua

-- Returns true when the amount was held and is free now, and false when it lies in another partition, the namespace's own. What its agent has
-- settled meanwhile stays as it is, and so does what no rule required: the text that named it was the agent's.
local function give_back(note)
  local space, id, agent = match(note, '^([^\4]*)\4([^\4]*)\4(.*)$')
  local r = load_reservation('r' .. space .. '\4' .. id)
  if not r then
    return false
  end
  if r.state == 'held' and r.agent == agent and by_rule(r) then
    release_hold(r, 'wait')
    return true
  end
end
