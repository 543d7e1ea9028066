-- What rules require: live leases (which takes nothing), places in rates, amounts of budgets and uses of grants, checked first and then taken, all or nothing.
-- In ARGV, in turn:
--   'lock', name, agent_id, token, mode (x, s or l), least remaining ms, '1' enforced or '0' only recorded
--   'rate', key, limit, window ms, '1' or '0', ''
--   'budget', namespace, reservation id, digest, agent_id, unit, amount, hold ms, lines, payload, '1' or '0'
--   'grant', key, uses, when it ends (ms), when a use is forgotten (ms), agent_id, resources, extras of the event
-- In the reply for each: verdict, a, b
--   lock: held | missing | mode | short, request_id or '', remaining ms
--   rate: free | full | known, places left after this one, ms until the oldest place is free again
--   budget: fits | known | ended | conflict | full | stale, view, ms until it expires, or until it may fit, or -1
--   grant: free | known | full | late | revoked, uses left after this one, 0
--@include Locks/Lua/_lib/held.lua
--@include Policies/Lua/_lib/grants.lua
--@include Budgets/Lua/_lib/hold.lua
local covers = {x = {x = true}, s = {x = true, s = true}, l = {l = true}}

-- Answers each requirement from ARGV[index] on and lists what would be taken. Returns whether one that is enforced is not met, and how
-- many holds of budgets were over, which ends them if anything is to be taken; the caller then saves the partition's counters.
local function look_at_obligations(index, id, take, reply, taking)
  local refused, swept = false, nil
  local function answer(enforced, met, verdict, a, b)
    refused = refused or (enforced == '1' and not met)
    reply[#reply + 1], reply[#reply + 2], reply[#reply + 3] = verdict, a, b
  end

  while ARGV[index] do
    if ARGV[index] == 'lock' then
      local lease, request, mode = lease_of(ARGV[index + 1], ARGV[index + 2], ARGV[index + 3])
      local remaining = request and tonumber(request.ends) - now or 0
      local verdict = not lease and 'missing' or not covers[ARGV[index + 4]][mode] and 'mode' or remaining < tonumber(ARGV[index + 5]) and 'short' or 'held'
      answer(ARGV[index + 6], verdict == 'held', verdict, lease or '', int(remaining))
      index = index + 7
    elseif ARGV[index] == 'budget' then
      -- Before anything is tried: what is tried stays in memory until all of it fits.
      swept = swept or take and sweep_budgets(16) or 0
      local r, verdict, ms = try_hold(ARGV[index + 10] == '1', unpack(ARGV, index + 1, index + 9))
      -- What was settled or is over holds nothing any more, and what is held is held for one action: only a repetition finds it.
      if verdict == 'known' and (r.state ~= 'held' or r.expires <= now or r.created < now - repeated_ms) then
        verdict = 'ended'
      end
      answer(ARGV[index + 10], verdict == 'fits' or verdict == 'known', verdict, verdict == 'stale' and '' or reservation_view(r), int(ms))
      if verdict == 'fits' and ARGV[index + 10] == '1' then
        taking[#taking + 1] = {hold = r}
      end
      index = index + 11
    elseif ARGV[index] == 'grant' then
      local verdict, left = judge_grant(KEYS[7], ARGV[index + 1], id, tonumber(ARGV[index + 2]), tonumber(ARGV[index + 3]))
      answer('1', verdict == 'free' or verdict == 'known', verdict, int(math.max(left, 0)), '0')
      if verdict == 'free' then
        taking[#taking + 1] = {grant = index}
      end
      index = index + 8
    else
      local key, limit, window = ARGV[index + 1], tonumber(ARGV[index + 2]), tonumber(ARGV[index + 3])
      local count, oldest = count_places(KEYS[7], key, limit, window)
      local verdict = has_place(KEYS[7], key, id) and 'known' or count < limit and 'free' or 'full'
      local left = limit - count - (verdict == 'free' and 1 or 0)
      answer(ARGV[index + 4], verdict ~= 'full', verdict, int(math.max(left, 0)), int(oldest + window - now))
      -- A rate that is only recorded counts too: else it would never be full.
      if verdict == 'free' then
        taking[#taking + 1] = {key = key, window = window}
      end
      index = index + 6
    end
  end
  return refused, swept or 0
end

local function take_obligations(id, taking)
  forget_places(KEYS[7], 2 * #taking + 2)
  for _, taken in ipairs(taking) do
    if taken.hold then
      keep_hold(taken.hold)
    elseif taken.grant then
      local at = taken.grant
      take_grant(KEYS[7], ARGV[at + 1], id, tonumber(ARGV[at + 4]), ARGV[at + 5], ARGV[at + 6], ARGV[at + 7])
    else
      take_place(KEYS[7], taken.key, id, taken.window)
    end
  end
  save_budgets()
end
