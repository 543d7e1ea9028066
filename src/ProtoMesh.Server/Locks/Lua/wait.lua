-- The owner's poll: keeps a waiter alive and claims a grant.
-- KEYS: 1 meta, 2 resources, 3 requests, 4 order, 5 deadlines, 6 events
-- ARGV: 1 channel, 2 settings, 3 request_id, 4 '1' when the policies were asked again, 5 guard
-- Returns: describe() with tag state | unknown | not_yours
--@include Locks/Lua/_lib/waiting.lua
--@include Locks/Lua/_lib/guard.lua
begin()
local id = ARGV[3]
catch_up(16)
local request, not_theirs = load_guarded(id, ARGV[5])
if request then
  attend(id, request, ARGV[4] == '1')
end
settle('time')
return describe(request and 'state' or not_theirs and 'not_yours' or 'unknown', id, request)
