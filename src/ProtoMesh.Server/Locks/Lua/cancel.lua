-- Takes a request back in whatever live state it is: a waiter leaves its queue, a holder releases. A policy that denies at the claim
-- ends no lease that another poll has claimed meanwhile: somebody was told its token.
-- KEYS: 1 meta, 2 resources, 3 requests, 4 order, 5 deadlines, 6 events
-- ARGV: 1 channel, 2 settings, 3 request_id, 4 cause, 5 guard
-- Returns: describe() with tag state | unknown | not_yours
--@include Locks/Lua/_lib/waiting.lua
--@include Locks/Lua/_lib/guard.lua
begin()
local id, cause = ARGV[3], ARGV[4]
catch_up(16)
local request, not_theirs = load_guarded(id, ARGV[5])
if request and is_live(request) and not lapse_if_over(id, request) and not (cause == 'policy_denied' and request.claimed == '1') then
  finish(id, request, request.state == 'granted' and 'released' or 'cancelled', now, cause, '', 0)
end
settle('cancel')
return describe(request and 'state' or not_theirs and 'not_yours' or 'unknown', id, request)
