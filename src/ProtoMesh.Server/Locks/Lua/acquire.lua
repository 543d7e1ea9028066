-- Submits a request: granted at once, queued, refused, or what an earlier submission of the same id has become.
-- KEYS: 1 meta, 2 resources, 3 requests, 4 order, 5 deadlines, 6 events
-- ARGV: see _lib/new_request.lua
-- Returns: describe() with tag state | held | conflict | mode_conflict | queue_full, or the name of a limit; all but the first leave no record
--@include Legacy/Lua/_lib/standing.lua
--@include Locks/Lua/_lib/limits.lua
begin()
local id, limits = ARGV[3], ARGV[15] or ''
if catch_up(16) > 0 and limits ~= '' then
  settle('time')
end

local known = load_request(id)
if known then
  local same = known.digest == ARGV[4]
  if same then
    attend(id, known)
  end
  settle('time')
  return describe(same and 'state' or 'conflict', id, known)
end

local request, tag = new_request(), 'state'
local standing_id, standing = standing_of(id, request)
if standing then
  settle('time')
  return describe('state', standing_id, standing)
end

local limit = limits ~= '' and limit_of(request, limits)
if limit and (flagged(request, 'r') and hold_to_join(request) or not conflicts(request) and grantable(id, request)) then
  tag = limit
elseif flagged(request, 'r') and join(id, request) then
  last_seq = last_seq + 1
elseif conflicts(request) then
  tag = 'mode_conflict'
elseif grantable(id, request) then
  last_seq = last_seq + 1
  grant(id, request, true, 'acquire')
elseif tonumber(ARGV[10]) == 0 then
  tag, request.state = 'held', 'queued'
elseif queue_is_full(request) then
  tag = 'queue_full'
elseif limits ~= '' and limit_of(request, limits, true) then
  tag = limit_of(request, limits, true)
else
  last_seq = last_seq + 1
  enqueue(id, request)
end
settle('acquire')
return describe(tag, id, (tag == 'state' or tag == 'held') and request)
