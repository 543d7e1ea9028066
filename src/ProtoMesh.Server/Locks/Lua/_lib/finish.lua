-- The second of the two changes of a request's life: every way in which it ends.
--@include Locks/Lua/_lib/grant.lua

-- The other holds on the resource that share the request's token: same agent and session (re-entry).
local function siblings_on(name, id, request)
  local siblings = {}
  if flagged(request, 'g') then
    local prefix = holder_member(name, request, '')
    for _, member in ipairs(call('ZRANGEBYLEX', order, '[' .. prefix, '(' .. prefix .. '\255')) do
      local other = sub(member, #prefix + 1)
      local sibling = other ~= id and load_request(other)
      if sibling and sibling.state == 'granted' and sibling.token == request.token then
        siblings[#siblings + 1] = other
      end
    end
  end
  return siblings
end

-- The sweeper frees what was reserved for a request of whose lease nobody was told. Other ids than its own may be anybody's.
local function note_reservations(id, request)
  for reservation in string.gmatch(request.payload, '"reservation_id":"([%w_-]+)"') do
    if reservation == id or sub(reservation, 1, #id) == id and match(sub(reservation, #id + 1), '^%-%d+$') then
      forget_at(now, 'b', match(request.names, '^%a,%d+,%d+,([^/]*)/') .. '\4' .. reservation .. '\4' .. request.agent)
    end
  end
end

local function rest(name, resource, ends)
  if ends > now and ends > resource.rest_ends then
    resource.rest_ends = ends
    call('ZADD', deadlines, int(ends), '\1' .. name)
  end
end

-- Ends a queued or granted request. at: when it ended, ms; rest_ends: until when its resources rest, 0 for not at all.
local function finish(id, request, state, at, cause, note, rest_ends, extras)
  local was_granted = request.state == 'granted'
  for _, want in ipairs(wants_of(request)) do
    local resource = load_resource(want.name)
    if was_granted then
      call('ZREM', order, holder_member(want.name, request, id))
      if #siblings_on(want.name, id, request) == 0 then
        local length = at - tonumber(request.granted)
        resource.held, resource.used = resource.held - 1, resource.used - want.units
        resource.average = int(resource.average == '' and length or math.floor(tonumber(resource.average) * 0.7 + length * 0.3))
        resource.previous = request.agent .. '\3' .. state .. '\3' .. int(at) .. '\3' .. note
      end
      rest(want.name, resource, rest_ends)
    else
      call('ZREM', order, waiter_member(want.name, request, id))
      resource.waiting = resource.waiting - 1
    end
    keep_resource(want.name, resource)
    mark_dirty(want.name)
  end
  call('ZREM', deadlines, id)
  extras = extras and extras .. '\2' or ''
  if was_granted then
    extras = extras .. 'held_ms=' .. int(at - tonumber(request.granted))
  else
    extras = extras .. 'waited_ms=' .. int(at - tonumber(request.enqueued))
  end
  if note ~= '' then
    extras = extras .. '\2note=' .. note
  end
  if flagged(request, 'a') and (request.claimed ~= '1' or cause == 'journal_unavailable') then
    note_reservations(id, request)
  end
  request.state, request.ended, request.cause, request.payload = state, int(at), cause, ''
  keep_request(id, request)
  journal(state, id, request, cause, extras)
  forget_at(now + retention_ms, 'q', id)
  if not was_granted then
    woken[#woken + 1] = id
  end
end

-- Ends a request whose time is over. Which end it is follows from what it was.
local function lapse(id, request, deadline)
  if request.state == 'granted' then
    local drain = tonumber(request.drain)
    local cause = request.ends == request.hold_ends and 'max_hold' or 'time'
    finish(id, request, request.claimed == '1' and 'expired' or 'abandoned', deadline, cause, '', drain > 0 and deadline + drain or 0)
  elseif deadline >= tonumber(request.wait_ends) then
    finish(id, request, 'timed_out', tonumber(request.wait_ends), 'time', '', 0)
  else
    finish(id, request, 'abandoned', deadline, 'silence', '', 0)
  end
end

-- The same for a request that is asked about before a sweep has come to it. True when it was over.
local function lapse_if_over(id, request)
  local ends = is_live(request) and tonumber(request.state == 'granted' and request.ends or request.wait_ends)
  if ends and ends <= now then
    lapse(id, request, tonumber(call('ZSCORE', deadlines, id)))
    return true
  end
  return false
end
