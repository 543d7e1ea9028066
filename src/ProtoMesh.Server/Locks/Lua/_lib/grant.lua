-- The first of the two changes of a request's life.
--@include Locks/Lua/_lib/eligibility.lua

-- What the new holder learns of one resource: 't' when another agent held it since this one did, 'f' when none did,
-- '' when not known. Its own name then leads the list.
local function learn(agent, resource)
  if resource.recent == '' then
    resource.recent = agent
    return ''
  end
  local known, recent, count = '', agent, 1
  for held_by in string.gmatch(resource.recent, '[^\2]+') do
    if held_by == agent then
      known = count > 1 and 't' or 'f'
    elseif count < 8 then
      recent, count = recent .. '\2' .. held_by, count + 1
    end
  end
  resource.recent = recent
  return known
end

local function ended_at(previous)
  return tonumber(match(previous, '^[^\3]*\3[^\3]*\3(%d+)') or '0')
end

-- Takes the resources, mints the token and starts the lease; one that its owner has not read yet waits to be claimed.
local function grant(id, request, claimed, cause)
  last_token = math.max(last_token + 1, now_us)
  request.previous, request.changed = '', nil
  for _, want in ipairs(wants_of(request)) do
    local resource = load_resource(want.name)
    if request.state == 'queued' then
      call('ZREM', order, waiter_member(want.name, request, id))
      resource.waiting = resource.waiting - 1
    end
    resource.family = want.mode == 'l' and 'l' or 'x'
    resource.capacity, resource.mode = want.capacity, want.mode
    resource.held, resource.used = resource.held + 1, resource.used + want.units
    local known = learn(request.agent, resource)
    local before = request.changed or known
    request.changed = (known == 't' or before == 't') and 't' or (known == '' or before == '') and '' or 'f'
    if request.previous == '' or ended_at(resource.previous) >= ended_at(request.previous) then
      request.previous = resource.previous
    end
    add_member(want.name, resource, holder_member(want.name, request, id))
    keep_resource(want.name, resource)
    -- Who stood behind it in its other queues may be next there, beside it.
    if resource.waiting > 0 and #wants_of(request) > 1 then
      mark_dirty(want.name)
    end
  end
  local waited = now - tonumber(request.enqueued)
  claimed = claimed or flagged(request, 'd')
  request.state, request.token, request.granted, request.claimed = 'granted', int(last_token), now_text, claimed and '1' or ''
  if request.hold_ends == '' then
    -- The hold starts when it is claimed, in attend(); until then its end is the latest that it can get.
    request.hold_ends = int(now + tonumber(request.max_hold) + (claimed and 0 or claim_ms))
  end
  request.ends = int(claimed and math.min(now + tonumber(request.ttl), tonumber(request.hold_ends)) or now + claim_ms)
  call('ZADD', deadlines, request.ends, id)
  keep_request(id, request)
  journal('granted', id, request, cause, 'priority=' .. request.priority .. '\2waited_ms=' .. int(waited) .. '\2ttl_ms=' .. request.ttl ..
    '\2hold_ends_ms=' .. request.hold_ends .. '\2digest=' .. request.digest)
  if flagged(request, 'p') and cause ~= 'acquire' then
    legacy_grants[#legacy_grants + 1] = id
  end
end
