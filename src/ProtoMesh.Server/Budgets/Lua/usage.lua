-- What counters say now. Like every call it first ends what is over, so that no hold counts longer than it lives; it changes nothing else.
-- KEYS: 1 meta, 2 resources, 3 requests, 4 order, 5 deadlines, 6 events, 7 rates, 8 budgets
-- ARGV: 1 channel, 2 '', 3 namespace, then lines
-- Returns: {'ok', now, id of the partition's newest event, view of each line}
--@include Budgets/Lua/_lib/sweep.lua
begin()
begin_budgets()
if sweep_budgets(16) > 0 then
  save_counters()
end
local reply = {'ok', int(now), EPOCH .. '-' .. int(last_event)}
for index = 4, #ARGV do
  reply[#reply + 1] = line_view(read_line(ARGV[3], ARGV[index]))
end
return reply
