-- Ends a reservation of which nothing was spent.
-- KEYS: 1 meta, 2 resources, 3 requests, 4 order, 5 deadlines, 6 events, 7 rates, 8 budgets
-- ARGV: 1 channel, 2 '', 3 namespace, 4 reservation id, 5 guard, 6 'release'; 'wait' for what a rule reserved for a lease
--   that never came; or 'return' to take it back as if it had never been made
-- Returns: {'ok' | 'unknown' | 'settled', now, view or ''}
--@include Budgets/Lua/_lib/settle.lua
begin()
begin_budgets()
local swept = sweep_budgets(16)
local r, verdict = guarded_reservation(ARGV[3], ARGV[4], ARGV[5]), 'ok'
if not r then
  verdict = 'unknown'
elseif r.state == 'committed' then
  verdict = 'settled'
elseif r.state == 'held' and ARGV[6] == 'return' then
  -- Where the action was refused after all, the same request may come again and has to be able to reserve again.
  drop_hold(r)
  r.state, r.settled = 'released', now_text
  tell('released', r, 'return', '')
  call('HDEL', budgets, r.field)
  swept = 1
elseif r.state == 'held' and (ARGV[6] == 'release' or by_rule(r)) then
  release_hold(r, ARGV[6])
  swept = 1
end
if swept > 0 then
  save_budgets()
  save_counters()
end
return {verdict, int(now), r and reservation_view(r) or ''}
