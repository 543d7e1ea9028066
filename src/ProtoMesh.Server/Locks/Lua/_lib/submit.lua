-- What a submission comes to: granted at once, queued, refused, or what an earlier submission of the same id has become.
--@include Legacy/Lua/_lib/standing.lua
--@include Locks/Lua/_lib/limits.lua

-- Returns the tag for describe() (state | held | conflict | mode_conflict | queue_full, or the name of a limit), the id and the request that it is
-- about, what led to the grants that follow, and whether the store keeps something now that it did not before.
local function submit(id)
  local known = load_request(id)
  if known then
    local same = known.digest == ARGV[4]
    if same then
      attend(id, known)
    end
    return same and 'state' or 'conflict', id, known, 'time', false
  end

  local request, tag, limits = new_request(), 'state', ARGV[15] or ''
  local standing_id, standing = standing_of(id, request)
  if standing then
    return 'state', standing_id, standing, 'time', false
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
  return tag, id, (tag == 'state' or tag == 'held') and request, 'acquire', tag == 'state'
end
