-- Appends one event to the partition's outbox, in the same call as the change it tells of.
-- The id is (epoch, counter): the counter is saved with the partition's other counters.
--@include Store/Lua/_lib/clock.lua

-- kind: 'lock.granted' and so on; at: ms as text; fields: texts without control characters but \2 and \3, which the reader splits.
-- On the stream: one field 'e', its parts joined by \1:
--   kind, at, request_id, token or '', cause, agent_id, session_id, resources, extras, payload
--   resources: 'mode,capacity,units,namespace/type/id' joined by \2, mode one of x (exclusive), s (shared), l (slots)
--   extras: 'name=value' joined by \2; payload: the request's own JSON or ''
local function append_event(kind, at, request_id, token, cause, agent_id, session_id, names, extras, payload)
  last_event = last_event + 1
  local id = EPOCH .. '-' .. int(last_event)
  call('XADD', events, id, 'e', kind .. '\1' .. at .. '\1' .. request_id .. '\1' .. token .. '\1' .. cause .. '\1' .. agent_id .. '\1' ..
    session_id .. '\1' .. names .. '\1' .. extras .. '\1' .. payload)
  return id
end
