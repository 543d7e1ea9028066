-- Ends a lease by its owner and grants the next, in one step.
-- KEYS: 1 meta, 2 resources, 3 requests, 4 order, 5 deadlines, 6 events
-- ARGV: 1 channel, 2 settings, 3 request_id, 4 fencing token, 5 note, 6 guard
-- Returns: {released | lost | mismatch | unknown | not_yours, now, id, record or '', {agent granted what this freed, ...}}
--@include Locks/Lua/_lib/waiting.lua
--@include Locks/Lua/_lib/guard.lua
begin()
local id, token = ARGV[3], ARGV[4]
catch_up(16)
local request, not_theirs = load_guarded(id, ARGV[6])
local verdict = not_theirs and 'not_yours' or compare_token(id, request, token)
if verdict == 'same' then
  finish(id, request, 'released', now, 'release', ARGV[5], 0)
  verdict = 'released'
elseif verdict == 'lost' and request.state == 'released' and request.token == token then
  verdict = 'released'
end
settle('release')

-- The agents that got what this lease held, for callers of the original's protocol; the call may also have granted
-- what an expired lease freed elsewhere.
local freed, next_agents = {}, {}
if verdict == 'released' and #woken > 0 then
  for _, want in ipairs(wants_of(request)) do
    freed[want.name] = true
  end
end
for _, woken_id in ipairs(woken) do
  local other = load_request(woken_id)
  for _, want in ipairs(other.state == 'granted' and wants_of(other) or {}) do
    if freed[want.name] then
      next_agents[#next_agents + 1] = other.agent
      break
    end
  end
end
return {verdict, now_text, id, request and request_text(request) or '', next_agents}
