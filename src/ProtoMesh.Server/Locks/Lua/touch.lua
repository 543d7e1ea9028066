-- Keeps waiters alive whose owners hold a request open on this replica, many in one call.
-- KEYS: 1 meta, 2 resources, 3 requests, 4 order, 5 deadlines, 6 events
-- ARGV: 1 channel, 2 settings, 3.. request_id and the end of its wait, in turn
-- Returns: {'ok', id, ...}: those that do not wait any more and so have news for their owners
--@include Store/Lua/_lib/clock.lua
begin()
local liveness_ms = tonumber(match(ARGV[2], '^%-?%d+ (%d+)'))
-- The flags of a waiter's record: one that is detached has no liveness to prolong.
local waiter_pattern = '^queued\1' .. string.rep('[^\1]*\1', 13) .. '([^\1]*)'
local ids, reply, moved = {}, {'ok'}, {}
for index = 3, #ARGV, 2 do
  ids[#ids + 1] = ARGV[index]
end
for index, text in ipairs(call('HMGET', requests, unpack(ids))) do
  local flags = text and match(text, waiter_pattern)
  if flags and not find(flags, 'd', 1, true) then
    moved[#moved + 1] = int(math.min(now + liveness_ms, tonumber(ARGV[2 * index + 2])))
    moved[#moved + 1] = ids[index]
  elseif not flags then
    reply[#reply + 1] = ids[index]
  end
end
if #moved > 0 then
  call('ZADD', deadlines, unpack(moved))
  save_counters()
end
return reply
