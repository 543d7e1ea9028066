-- Ends a lease in favour of another agent, under a new id and a new token, with the end of the hold unchanged.
-- KEYS: 1 meta, 2 resources, 3 requests, 4 order, 5 deadlines, 6 events
-- ARGV: 1 channel, 2 settings, 3 request_id, 4 fencing token, 5 successor's request_id, 6 digest, 7 agent_id, 8 session_id, 9 guard
-- Returns: describe() of the successor with tag state, or of the request with tag lost | mismatch | unknown | not_yours
--@include Locks/Lua/_lib/waiting.lua
--@include Locks/Lua/_lib/guard.lua
begin()
local id, token, heir_id = ARGV[3], ARGV[4], ARGV[5]
catch_up(16)
local request, not_theirs = load_guarded(id, ARGV[9])
local verdict = not_theirs and 'not_yours' or compare_token(id, request, token)
if verdict == 'lost' and request.state == 'transferred' and request.token == token then
  local heir = load_request(request.successor)
  if heir and heir.agent == ARGV[7] and heir.session == ARGV[8] then
    settle('time')
    return describe('state', request.successor, heir)
  end
end
if verdict ~= 'same' then
  settle('time')
  return describe(verdict, id, request)
end

local heir = parse_live(live_text(request))
heir.state, heir.digest, heir.agent, heir.session, heir.enqueued = 'new', ARGV[6], ARGV[7], ARGV[8], int(now)
heir.flags, heir.progress = string.gsub(request.flags, 'g', ''), ''
for _, want in ipairs(wants_of(request)) do
  for _, sibling in ipairs(siblings_on(want.name, id, request)) do
    finish(sibling, load_request(sibling), 'transferred', now, 'transfer', '', 0)
  end
end
finish(id, request, 'transferred', now, 'transfer', '', 0, 'to_agent_id=' .. ARGV[7])
request.successor = heir_id
grant(heir_id, heir, true, 'transfer')
settle('transfer')
return describe('state', heir_id, heir)
