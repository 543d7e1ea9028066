-- Ends a grant before it lapses, unless its only use is taken: revoking and using have one winner.
-- KEYS: 1 meta, 2 resources, 3 requests, 4 order, 5 deadlines, 6 events, 7 rates
-- ARGV: 1 channel, 2 '', 3 the grant's key, 4 '1' when it has a single use, 5 when this is forgotten (ms), 6 '1' to end it or '0' to look
-- Returns: {'revoked' | 'used' | 'free', now}
--@include Policies/Lua/_lib/grants.lua
begin()
local rates, key = KEYS[7], ARGV[3]
if has_place(rates, key, REVOKED) then
  return {'revoked', now_text}
end
if ARGV[4] == '1' and uses_of(rates, key) > 0 then
  return {'used', now_text}
end
if ARGV[6] == '0' then
  return {'free', now_text}
end
take_place(rates, key, REVOKED, tonumber(ARGV[5]) - now)
save_counters()
return {'revoked', now_text}
