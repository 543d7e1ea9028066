-- Checks what rules require and takes it, all or nothing.
-- KEYS: 1 meta, 2 resources, 3 requests, 4 order, 5 deadlines, 6 events, 7 rates
-- ARGV: 1 channel, 2 '', 3 the id that takes, 4 '1' to take or '0' to look, then what is required; see _lib/obligations.lua
-- Returns: {'taken' | 'refused' | 'seen', now, for each requirement: verdict, a, b}
--@include Policies/Lua/_lib/obligations.lua
begin()
local reply, taking = {'seen', int(now)}, {}
if look_at_obligations(5, ARGV[3], reply, taking) then
  reply[1] = 'refused'
elseif ARGV[4] == '1' then
  reply[1] = 'taken'
  take_obligations(ARGV[3], taking)
  if #taking > 0 then
    save_counters()
  end
end
return reply
