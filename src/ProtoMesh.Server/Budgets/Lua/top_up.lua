-- Raises the cap of a budget in its present window.
-- KEYS: 1 meta, 2 resources, 3 requests, 4 order, 5 deadlines, 6 events, 7 rates, 8 budgets
-- ARGV: 1 channel, 2 '', 3 namespace, 4 line, 5 amount, 6 id of the top-up or '', 7 its digest, 8 payload
-- Returns: {'ok' | 'conflict' | 'stale' | 'enormous', now, id of the newest event, view of the line}
--@include Budgets/Lua/_lib/reservations.lua
begin()
begin_budgets()
local space, amount, verdict = ARGV[3], tonumber(ARGV[5]), 'ok'
local line, field = read_line(space, ARGV[4]), 't' .. space .. '\4' .. ARGV[6]
local known = ARGV[6] ~= '' and call('HGET', budgets, field)
local _, topped = totals(line)
if known then
  verdict = known == ARGV[7] and 'ok' or 'conflict'
elseif line.ends and (now < line.starts or now >= line.ends) then
  verdict = 'stale'
elseif line.cap + topped + amount > 9000000000000000 then
  verdict = 'enormous'
else
  local bucket = bucket_of(line, now)
  bucket.topped = bucket.topped + amount
  mark_changed(line)
  load_counter(line).event = append_event('budget.topped_up', now_text, '', '', 'top_up', '', '',
    'x,1,1,' .. space .. '/budget/' .. line.name, 'created_ms=' .. now_text, ARGV[8])
  if ARGV[6] ~= '' then
    call('HSET', budgets, field, ARGV[7])
    forget_later(field, now + kept_ms)
  end
  save_budgets()
  save_counters()
end
return {verdict, int(now), EPOCH .. '-' .. int(last_event), line_view(line)}
