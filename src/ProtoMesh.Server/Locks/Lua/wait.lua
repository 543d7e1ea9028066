-- The owner's poll: keeps a waiter alive and claims a grant.
-- KEYS: 1 meta, 2 resources, 3 requests, 4 order, 5 deadlines, 6 events
-- ARGV: 1 channel, 2 settings, 3 request_id, 4 '1' when the policies were asked again
-- Returns: describe() with tag state | unknown
--@include Locks/Lua/_lib/waiting.lua
begin()
local id = ARGV[3]
catch_up(16)
local request = load_request(id)
if request then
  attend(id, request, ARGV[4] == '1')
end
settle('time')
return describe(request and 'state' or 'unknown', id, request)
