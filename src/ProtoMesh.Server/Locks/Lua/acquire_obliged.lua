-- Submits a request whose action requires something, and takes that in the same step: all of it, or nothing at all. It is taken for
-- a request that is granted or queued by this very call, and not again for a repetition.
-- KEYS: 1 meta, 2 resources, 3 requests, 4 order, 5 deadlines, 6 events, 7 rates, 8 budgets
-- ARGV: 1-15 see _lib/new_request.lua, 16 the id that takes, then what is required; see Policies/Lua/_lib/obligations.lua
-- Returns: {'refused' | 'done', now, for each requirement: verdict, a, b}, and with 'done' what acquire.lua returns
--@include Locks/Lua/_lib/submit.lua
--@include Policies/Lua/_lib/obligations.lua
begin()
begin_budgets()
if catch_up(16) > 0 and (ARGV[15] or '') ~= '' then
  settle('time')
end
local reply, taking = {'done', int(now)}, {}
if look_at_obligations(17, ARGV[16], true, reply, taking) then
  settle('time')
  reply[1] = 'refused'
  return reply
end
local tag, id, request, cause, is_new = submit(ARGV[3])
if is_new then
  take_obligations(ARGV[16], taking)
end
settle(cause)
reply[#reply + 1] = describe(tag, id, request)
return reply
