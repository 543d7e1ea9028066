-- Re-entry: a request joins a live hold of its own agent and session, past the queue, and shares its token.
--@include Locks/Lua/_lib/waiting.lua
local covers = {x = {x = true, s = true}, s = {s = true}, l = {l = true}}

-- What the hold has of the request's wants, in the hold's own mode and units, or nil when it does not cover them all.
local function covered_names(hold, request)
  local has, names = {}, {}
  for _, want in ipairs(wants_of(hold)) do
    has[want.name] = want
  end
  for index, want in ipairs(wants_of(request)) do
    local mine = has[want.name]
    if not mine or not covers[mine.mode][want.mode] or want.units > mine.units or want.capacity ~= mine.capacity then
      return nil
    end
    names[index] = mine.mode .. ',' .. int(mine.capacity) .. ',' .. int(mine.units) .. ',' .. mine.name
  end
  return table.concat(names, '\2')
end

-- Such a hold: its id, its record, and what the request would have of it.
local function hold_to_join(request)
  local prefix = holder_member(wants_of(request)[1].name, request, '')
  for _, member in ipairs(call('ZRANGEBYLEX', order, '[' .. prefix, '(' .. prefix .. '\255')) do
    local hold_id = sub(member, #prefix + 1)
    local hold = load_request(hold_id)
    local names = hold and hold.state == 'granted' and hold.claimed == '1' and tonumber(hold.ends) > now and covered_names(hold, request)
    if names then
      return hold_id, hold, names
    end
  end
end

-- Joins such a hold if there is one.
local function join(id, request)
  local hold_id, hold, names = hold_to_join(request)
  if not hold_id then
    return false
  end
  request.state, request.token, request.granted, request.claimed = 'granted', hold.token, now_text, '1'
  request.hold_ends, request.names, request.wants = hold.hold_ends, names, nil
  request.ends = int(math.min(now + tonumber(request.ttl), tonumber(hold.hold_ends)))
  request.changed, request.previous = 'f', hold.previous
  request.flags = request.flags .. 'g'
  if not flagged(hold, 'g') then
    hold.flags = hold.flags .. 'g'
    keep_request(hold_id, hold)
  end
  for _, want in ipairs(wants_of(request)) do
    call('ZADD', order, '0', holder_member(want.name, request, id))
  end
  call('ZADD', deadlines, request.ends, id)
  keep_request(id, request)
  journal('granted', id, request, 'reentry', 'priority=' .. request.priority .. '\2waited_ms=0\2ttl_ms=' .. request.ttl ..
    '\2hold_ends_ms=' .. request.hold_ends .. '\2digest=' .. request.digest)
  return true
end
