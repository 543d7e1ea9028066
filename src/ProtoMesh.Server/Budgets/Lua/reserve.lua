-- Reserves an amount of all named budgets, or of none.
-- KEYS: 1 meta, 2 resources, 3 requests, 4 order, 5 deadlines, 6 events, 7 rates, 8 budgets
-- ARGV: 1 channel, 2 '', 3 namespace, 4 reservation id, 5 digest, 6 agent_id, 7 unit, 8 amount, 9 hold ms, 10 lines, 11 payload
-- Returns: {'fits' | 'known' | 'conflict' | 'full' | 'stale', now, view, ms until it expires, or until it may fit, or -1}
--@include Budgets/Lua/_lib/hold.lua
begin()
begin_budgets()
local swept = sweep_budgets(16)
local r, verdict, ms = try_hold(true, ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8], ARGV[9], ARGV[10], ARGV[11])
if verdict == 'fits' then
  keep_hold(r)
  save_budgets()
end
if verdict == 'fits' or swept > 0 then
  save_counters()
end
return {verdict, int(now), verdict == 'stale' and '' or reservation_view(r), int(ms)}
