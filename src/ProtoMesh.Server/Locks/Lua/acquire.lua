-- Submits a request: granted at once, queued, refused, or what an earlier submission of the same id has become.
-- KEYS: 1 meta, 2 resources, 3 requests, 4 order, 5 deadlines, 6 events
-- ARGV: see _lib/new_request.lua
-- Returns: describe() with tag state | held | conflict | mode_conflict | queue_full, or the name of a limit; all but the first leave no record
--@include Locks/Lua/_lib/submit.lua
begin()
if catch_up(16) > 0 and (ARGV[15] or '') ~= '' then
  settle('time')
end
local tag, id, request, cause = submit(ARGV[3])
settle(cause)
return describe(tag, id, request)
