-- Checks what rules require and takes it, all or nothing: live leases (which takes nothing) and places in rates.
-- KEYS: 1 meta, 2 resources, 3 requests, 4 order, 5 deadlines, 6 events, 7 rates, 8 budgets
-- ARGV: 1 channel, 2 '', 3 the id that takes, 4 '1' to take or '0' to look, then in turn
--   'lock', name, agent_id, token, mode (x, s or l), least remaining ms, '1' enforced or '0' only recorded
--   'rate', key, limit, window ms, '1' or '0', ''
--   'budget', namespace, reservation id, digest, agent_id, unit, amount, hold ms, lines, payload, '1' or '0'
-- Returns: {'taken' | 'refused' | 'seen', now, for each: verdict, a, b}
--   lock: held | missing | mode | short, request_id or '', remaining ms
--   rate: free | full | known, places left after this one, ms until the oldest place is free again
--   budget: fits | known | conflict | full | stale, view, ms until it expires, or until it may fit, or -1
--@include Locks/Lua/_lib/held.lua
--@include Policies/Lua/_lib/rates.lua
--@include Budgets/Lua/_lib/hold.lua
begin()
begin_budgets()
local rates, id, take = KEYS[7], ARGV[3], ARGV[4] == '1'
local covers = {x = {x = true}, s = {x = true, s = true}, l = {l = true}}
local reply, taking, holding, refused, swept = {'seen', int(now)}, {}, {}, false, nil

local function answer(enforced, met, verdict, a, b)
  refused = refused or (enforced == '1' and not met)
  reply[#reply + 1], reply[#reply + 2], reply[#reply + 3] = verdict, a, b
end

local index = 5
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
    answer(ARGV[index + 10], verdict == 'fits' or verdict == 'known', verdict, verdict == 'stale' and '' or reservation_view(r), int(ms))
    holding[#holding + 1] = verdict == 'fits' and ARGV[index + 10] == '1' and r or nil
    index = index + 11
  else
    local key, limit, window = ARGV[index + 1], tonumber(ARGV[index + 2]), tonumber(ARGV[index + 3])
    local count, oldest = count_places(rates, key, limit, window)
    local verdict = has_place(rates, key, id) and 'known' or count < limit and 'free' or 'full'
    local left = limit - count - (verdict == 'free' and 1 or 0)
    answer(ARGV[index + 4], verdict ~= 'full', verdict, int(math.max(left, 0)), int(oldest + window - now))
    -- A rate that is only recorded counts too: else it would never be full.
    if verdict == 'free' then
      taking[#taking + 1] = {key, window}
    end
    index = index + 6
  end
end

if take and not refused then
  reply[1] = 'taken'
  forget_places(rates, 2 * #taking + 2)
  for _, place in ipairs(taking) do
    take_place(rates, place[1], id, place[2])
  end
  for _, r in ipairs(holding) do
    keep_hold(r)
  end
  save_budgets()
elseif refused then
  reply[1] = 'refused'
end
if (swept or 0) > 0 or (reply[1] == 'taken' and #taking + #holding > 0) then
  save_counters()
end
return reply
