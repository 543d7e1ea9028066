-- Gives back the use of a grant, because what it was used for was refused.
-- KEYS: 1 meta, 2 resources, 3 requests, 4 order, 5 deadlines, 6 events, 7 rates
-- ARGV: 1 channel, 2 '', 3 the grant's key, 4 the id that used it, 5 when the use is forgotten (ms), 6 agent_id, 7 resources, 8 extras
-- Returns: {'returned' | 'unknown'}
--@include Policies/Lua/_lib/grants.lua
begin()
if not return_grant(KEYS[7], ARGV[3], ARGV[4], tonumber(ARGV[5])) then
  return {'unknown'}
end
append_event('approval.returned', now_text, '', '', '', ARGV[6], '', ARGV[7], ARGV[8], '')
save_counters()
return {'returned'}
