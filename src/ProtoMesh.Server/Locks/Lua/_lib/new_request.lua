-- The request that acquire and its dry run are about.
--@include Locks/Lua/_lib/reentry.lua
-- ARGV: 1 channel, 2 settings, 3 request_id, 4 digest, 5 names, 6 agent_id, 7 session_id, 8 priority, 9 ttl_ms, 10 wait_ms,
--   11 max_hold_ms, 12 drain_ms, 13 flags, 14 payload,
--   15 limits of the namespace (see _lib/limits.lua), '' for none

-- Linear ageing: a level of priority is worth ageing ms of waiting, so the order of two waiters never changes.
-- A negative ageing means strict: a level is worth 2^42 ms.
local function score_of(enqueued, priority)
  return int(enqueued - priority * (ageing < 0 and 4398046511104 or ageing))
end

local function new_request()
  return {state = 'new', digest = ARGV[4], token = '', ends = '', hold_ends = '', claimed = '', wait_ends = int(now + tonumber(ARGV[10])),
    enqueued = now_text, score = score_of(now, tonumber(ARGV[8])), seq = int(last_seq + 1), priority = ARGV[8], ttl = ARGV[9],
    max_hold = ARGV[11], drain = ARGV[12], flags = ARGV[13], names = ARGV[5], agent = ARGV[6], session = ARGV[7], granted = '',
    progress = '', changed = '', previous = '', event = '', payload = ARGV[14]}
end
