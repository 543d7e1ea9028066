-- How a request starts to wait, and what happens when its owner looks at it or shows its token.
--@include Locks/Lua/_lib/replies.lua

-- When a waiter is dropped: at the end of its wait, or earlier when nobody asks for it any more.
local function waiter_deadline(request)
  local wait_ends = tonumber(request.wait_ends)
  return flagged(request, 'd') and wait_ends or math.min(wait_ends, now + liveness_ms)
end

local function enqueue(id, request)
  request.state = 'queued'
  for _, want in ipairs(wants_of(request)) do
    local resource = load_resource(want.name)
    resource.family, resource.waiting = want.mode == 'l' and 'l' or 'x', resource.waiting + 1
    resource.capacity = want.capacity
    add_member(want.name, resource, waiter_member(want.name, request, id))
    keep_resource(want.name, resource)
  end
  call('ZADD', deadlines, int(waiter_deadline(request)), id)
  keep_request(id, request)
  journal('queued', id, request, 'acquire', 'priority=' .. request.priority .. '\2wait_ends_ms=' .. request.wait_ends ..
    '\2ttl_ms=' .. request.ttl .. '\2max_hold_ms=' .. request.max_hold .. '\2digest=' .. request.digest)
end

-- The owner's read: keeps a waiter alive, and claims a grant, whose full time starts here. One that names an action is
-- claimed only when the caller has asked the policies again.
local function attend(id, request, asked)
  if lapse_if_over(id, request) then
    return
  elseif request.state == 'queued' then
    call('ZADD', deadlines, int(waiter_deadline(request)), id)
  elseif request.state == 'granted' and request.claimed == '' and (asked or not flagged(request, 'a')) then
    request.claimed, request.hold_ends = '1', int(now + tonumber(request.max_hold))
    request.ends = int(math.min(now + tonumber(request.ttl), tonumber(request.hold_ends)))
    call('ZADD', deadlines, request.ends, id)
    keep_request(id, request)
  end
end

-- Why a request cannot stand in line at all: it sees a resource differently from those already there.
local function conflicts(request)
  for _, want in ipairs(wants_of(request)) do
    local resource, family = load_resource(want.name), want.mode == 'l' and 'l' or 'x'
    local busy = resource.held > 0 or resource.waiting > 0
    if busy and (resource.family ~= family or resource.capacity ~= want.capacity) then
      return true
    end
  end
  return false
end

local function queue_is_full(request)
  for _, want in ipairs(wants_of(request)) do
    if load_resource(want.name).waiting >= max_queue then
      return true
    end
  end
  return false
end

-- How a token given by a caller compares: 'same', 'lost' (older, or the lease is over), 'mismatch', or 'unknown' request.
local function compare_token(id, request, token)
  if not request then
    return 'unknown'
  elseif request.state == 'granted' and request.token == token then
    return lapse_if_over(id, request) and 'lost' or 'same'
  elseif not is_live(request) or (request.state == 'granted' and tonumber(token) < tonumber(request.token)) then
    return 'lost'
  end
  return 'mismatch'
end
