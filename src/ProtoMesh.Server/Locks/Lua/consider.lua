-- What acquire would answer now, without doing it. Like every call it first ends what is over; it changes nothing else.
-- KEYS: 1 meta, 2 resources, 3 requests, 4 order, 5 deadlines, 6 events
-- ARGV: see _lib/new_request.lua
-- Returns: describe() with tag granted | queued | held | mode_conflict | queue_full | state | conflict, or the name of a limit, as acquire describes them
--@include Legacy/Lua/_lib/standing.lua
--@include Locks/Lua/_lib/limits.lua
begin()
local id = ARGV[3]
if catch_up(16) > 0 then
  settle('time')
end
local known = load_request(id)
if known then
  return describe(known.digest == ARGV[4] and 'state' or 'conflict', id, known)
end

local request, tag, limits = new_request(), 'queued', ARGV[15] or ''
request.state = 'queued'
local standing_id, standing = standing_of(id, request)
if standing then
  return describe('state', standing_id, standing)
elseif flagged(request, 'r') and hold_to_join(request) then
  tag = limits ~= '' and limit_of(request, limits) or 'granted'
elseif conflicts(request) then
  tag = 'mode_conflict'
elseif grantable(id, request) then
  tag = limits ~= '' and limit_of(request, limits) or 'granted'
elseif tonumber(ARGV[10]) == 0 then
  tag = 'held'
elseif queue_is_full(request) then
  tag = 'queue_full'
elseif limits ~= '' then
  tag = limit_of(request, limits, true) or tag
end
return describe(tag, id, (tag == 'granted' or tag == 'queued' or tag == 'held') and request)
