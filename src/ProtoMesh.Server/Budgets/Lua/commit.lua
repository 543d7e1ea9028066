-- Posts what a reservation has really cost. After its hold has expired the cost counts all the same.
-- KEYS: 1 meta, 2 resources, 3 requests, 4 order, 5 deadlines, 6 events, 7 rates, 8 budgets
-- ARGV: 1 channel, 2 '', 3 namespace, 4 reservation id, 5 guard, 6 actual, 7 digest of what is said here,
--   8 verification, 9 claimed or '', 10 recomputed or '', 11 priced
-- Returns: {'ok' | 'unknown' | 'conflict' | 'settled' | 'enormous', now, view or ''}
--@include Budgets/Lua/_lib/settle.lua
begin()
begin_budgets()
local swept = sweep_budgets(16)
local r, verdict = guarded_reservation(ARGV[3], ARGV[4], ARGV[5]), 'ok'
if r and r.state == 'held' and r.expires <= now then
  expire(r)
  swept = swept + 1
end
local actual = tonumber(ARGV[6])
if not r then
  verdict = 'unknown'
elseif r.state == 'released' then
  verdict = 'settled'
elseif r.state == 'committed' then
  verdict = r.settle_digest == ARGV[7] and 'ok' or 'conflict'
elseif not post(r, actual, ARGV[8] == 'disputed') then
  verdict = 'enormous'
else
  if r.state == 'held' then
    drop_hold(r)
  end
  r.flags = (r.state == 'expired' and 'l' or '') .. (actual > r.amount and 'o' or '')
  local is_late = r.state == 'expired'
  r.state, r.actual, r.settled, r.settle_digest = 'committed', int(actual), now_text, ARGV[7]
  r.verification, r.claimed, r.recomputed, r.priced = ARGV[8], ARGV[9], ARGV[10], ARGV[11]
  keep_reservation(r)
  if not is_late then
    forget_later(r.field, now + kept_ms)
  end
  tell('committed', r, 'commit', '\2actual=' .. r.actual .. '\2verification=' .. r.verification .. (r.claimed ~= '' and '\2claimed=' .. r.claimed or '') ..
    (r.recomputed ~= '' and '\2recomputed=' .. r.recomputed or '') .. (find(r.flags, 'l', 1, true) and '\2late=true' or '') ..
    (find(r.flags, 'o', 1, true) and '\2overrun=true' or '') .. (r.priced ~= '' and '\2' .. r.priced or ''))
  for _, line in ipairs(lines_of(r)) do
    alert(line, r)
  end
  swept = 1
end
if swept > 0 then
  save_budgets()
  save_counters()
end
return {verdict, int(now), r and reservation_view(r) or ''}
