-- The one request by which an agent of the original's protocol stands at a resource: there an agent is known by its name only.
--@include Locks/Lua/_lib/new_request.lua

-- Returns id and record of the agent's live request, or nil. The ids of such requests end with a digest of the agent, so
-- the queue is walked without reading its requests.
local function standing_of(id, request)
  if not flagged(request, 'p') then
    return nil
  end
  local name = wants_of(request)[1].name
  local prefix = holder_member(name, request, '')
  for _, member in ipairs(call('ZRANGEBYLEX', order, '[' .. prefix, '(' .. prefix .. '\255')) do
    local held_id = sub(member, #prefix + 1)
    local held = load_request(held_id)
    if held and flagged(held, 'p') and held.state == 'granted' and tonumber(held.ends) > now then
      return held_id, held
    end
  end
  if load_resource(name).waiting > 0 then
    local digest = sub(id, -16)
    for _, member in ipairs(call('ZRANGEBYLEX', order, '[' .. name .. '\1w', '(' .. name .. '\1x')) do
      if sub(member, -16) == digest then
        local waiting_id = waiter_id(name, member)
        local waiting = load_request(waiting_id)
        if waiting and flagged(waiting, 'p') and waiting.agent == request.agent and tonumber(waiting.wait_ends) > now then
          return waiting_id, waiting
        end
      end
    end
  end
  return nil
end
