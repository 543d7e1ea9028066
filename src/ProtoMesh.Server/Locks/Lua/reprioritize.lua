-- Gives a waiter another priority; its arrival stays what it was.
-- KEYS: 1 meta, 2 resources, 3 requests, 4 order, 5 deadlines, 6 events
-- ARGV: 1 channel, 2 settings, 3 request_id, 4 priority, 5 guard
-- Returns: describe() with tag state | not_waiting | unknown | not_yours
--@include Locks/Lua/_lib/new_request.lua
--@include Locks/Lua/_lib/guard.lua
begin()
local id, priority = ARGV[3], ARGV[4]
catch_up(16)
local request, not_theirs = load_guarded(id, ARGV[5])
local waits = request and request.state == 'queued'
if waits and request.priority ~= priority then
  local before = request.priority
  for _, want in ipairs(wants_of(request)) do
    call('ZREM', order, waiter_member(want.name, request, id))
  end
  request.priority, request.score = priority, score_of(tonumber(request.enqueued), tonumber(priority))
  for _, want in ipairs(wants_of(request)) do
    call('ZADD', order, '0', waiter_member(want.name, request, id))
    mark_dirty(want.name)
  end
  keep_request(id, request)
  journal('reprioritized', id, request, 'reprioritize', 'priority=' .. priority .. '\2from_priority=' .. before)
end
settle('reprioritize')
return describe(waits and 'state' or request and 'not_waiting' or not_theirs and 'not_yours' or 'unknown', id, request)
