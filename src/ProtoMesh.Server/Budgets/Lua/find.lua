-- What has become of a reservation. Writes nothing.
-- KEYS: 1 meta, 2 resources, 3 requests, 4 order, 5 deadlines, 6 events, 7 rates, 8 budgets
-- ARGV: 1 channel, 2 '', 3 namespace, 4 reservation id, 5 guard
-- Returns: {'ok' | 'unknown', now, view or ''}
--@include Budgets/Lua/_lib/settle.lua
begin()
begin_budgets()
local r = guarded_reservation(ARGV[3], ARGV[4], ARGV[5])
return {r and 'ok' or 'unknown', int(now), r and reservation_view(r) or ''}
