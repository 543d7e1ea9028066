-- What a caller is told of a request.
--@include Locks/Lua/_lib/pump.lua

-- Up to eight of the holders in its way, as id and record.
local function blockers_of(request)
  local found, listed = {}, {}
  for _, want in ipairs(wants_of(request)) do
    if not fits(load_resource(want.name), want) then
      local members = call('ZRANGEBYLEX', order, '[' .. want.name .. '\1h', '(' .. want.name .. '\1i', 'LIMIT', '0', '8')
      for _, member in ipairs(members) do
        local id = match(member, '([^\1]*)$')
        if #listed < 16 and not found[id] then
          found[id] = true
          listed[#listed + 1] = id
          listed[#listed + 1] = request_text(load_request(id))
        end
      end
    end
  end
  return listed
end

-- The longest of its queues: how many stand before it, how many wait there, the usual hold, and the end of a rest.
local function place_of(id, request)
  local place = {-1, 0, '', 0}
  for _, want in ipairs(wants_of(request)) do
    local resource = load_resource(want.name)
    local before = resource.waiting == 0 and 0
      or call('ZLEXCOUNT', order, '[' .. want.name .. '\1w', '(' .. waiter_member(want.name, request, id))
    if before > place[1] then
      place[1], place[2], place[3] = before, resource.waiting, resource.average
    end
    place[4] = math.max(place[4], resource.rest_ends)
  end
  return place
end

-- tag, now, id, record or '' and, for a queued request, before, queue length, usual hold in ms or '', rest end, blockers
local function describe(tag, id, request)
  local reply = {tag, now_text, id, request and request_text(request) or ''}
  if request and request.state == 'queued' then
    local place = place_of(id, request)
    reply[5], reply[6], reply[7], reply[8] = int(place[1]), int(place[2]), place[3], int(place[4])
    reply[9] = blockers_of(request)
  end
  return reply
end
