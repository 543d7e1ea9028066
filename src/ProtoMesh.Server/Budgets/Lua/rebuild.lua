-- Sets a counter to what the ledger says, unless it has moved since that was read.
-- KEYS: 1 meta, 2 resources, 3 requests, 4 order, 5 deadlines, 6 events, 7 rates, 8 budgets
-- ARGV: 1 channel, 2 '', 3 namespace, 4 line, 5 event of the last change that the reader saw, 6 held, 7 buckets, 8 payload
-- Returns: {'ok' | 'moved', now, id of the newest event, view of the line}
--@include Budgets/Lua/_lib/reservations.lua
begin()
begin_budgets()
local line = read_line(ARGV[3], ARGV[4])
local counter = load_counter(line)
if counter.event ~= ARGV[5] then
  return {'moved', int(now), EPOCH .. '-' .. int(last_event), line_view(line)}
end
counter.held, counter.buckets = tonumber(ARGV[6]), {}
for index, spent, topped, disputed in string.gmatch(ARGV[7], '(%d+),(%d+),(%d+),(%d+)') do
  counter.buckets[#counter.buckets + 1] =
    {index = tonumber(index), spent = tonumber(spent), topped = tonumber(topped), disputed = tonumber(disputed)}
end
mark_changed(line)
counter.event = append_event('budget.rebuilt', now_text, '', '', 'rebuild', '', '', 'x,1,1,' .. ARGV[3] .. '/budget/' .. line.name,
  'created_ms=' .. now_text, ARGV[8])
save_budgets()
save_counters()
return {'ok', int(now), EPOCH .. '-' .. int(last_event), line_view(line)}
