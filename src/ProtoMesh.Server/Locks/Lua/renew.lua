-- Renews leases, never beyond the end of their hold and never to an earlier end.
-- KEYS: 1 meta, 2 resources, 3 requests, 4 order, 5 deadlines, 6 events
-- ARGV: 1 channel, 2 settings, 3.. request_id, fencing token, ttl_ms or '', progress or '', in turn, and last a guard
-- Returns: a list of {tag, now, id, record or '', waiters, priority of the first waiter or ''},
--   tag renewed | lost | mismatch | unknown | not_yours
--@include Locks/Lua/_lib/waiting.lua
--@include Locks/Lua/_lib/guard.lua
begin()
catch_up(16)
local reply, guard = {}, #ARGV % 4 == 3 and ARGV[#ARGV] or ''

local function waiters_of(request)
  local count, top = 0, ''
  for _, want in ipairs(wants_of(request)) do
    local waiting = load_resource(want.name).waiting
    if waiting > count then
      local first = load_request(waiter_id(want.name, first_waiter(want.name)))
      count, top = waiting, first.priority
    end
  end
  return count, top
end

for index = 3, #ARGV - 3, 4 do
  local id, token, ttl, progress = ARGV[index], ARGV[index + 1], ARGV[index + 2], ARGV[index + 3]
  local request, not_theirs = load_guarded(id, guard)
  local verdict = not_theirs and 'not_yours' or compare_token(id, request, token)
  local count, top = 0, ''
  if verdict == 'same' then
    attend(id, request)
    local ends = math.min(now + tonumber(ttl == '' and request.ttl or ttl), tonumber(request.hold_ends))
    request.ends = int(math.max(ends, tonumber(request.ends)))
    if progress ~= '' then
      request.progress = progress
    end
    call('ZADD', deadlines, request.ends, id)
    keep_request(id, request)
    count, top = waiters_of(request)
    verdict = 'renewed'
  end
  reply[#reply + 1] = {verdict, int(now), id, request and request_text(request) or '', int(count), top}
end
settle('time')
return reply
