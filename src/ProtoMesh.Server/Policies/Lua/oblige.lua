-- Checks what rules require and takes it, all or nothing.
-- KEYS: 1 meta, 2 resources, 3 requests, 4 order, 5 deadlines, 6 events, 7 rates, 8 budgets
-- ARGV: 1 channel, 2 '', 3 the id that takes, 4 '1' to take or '0' to look, then what is required; see _lib/obligations.lua
-- Returns: {'taken' | 'refused' | 'seen', now, for each requirement: verdict, a, b}
--@include Policies/Lua/_lib/obligations.lua
begin()
begin_budgets()
local reply, taking, take = {'seen', int(now)}, {}, ARGV[4] == '1'
local refused, swept = look_at_obligations(5, ARGV[3], take, reply, taking)
if refused then
  reply[1] = 'refused'
elseif take then
  reply[1] = 'taken'
  take_obligations(ARGV[3], taking)
end
if swept > 0 or (reply[1] == 'taken' and #taking > 0) then
  save_counters()
end
return reply
