-- Checks what rules require and takes it, all or nothing: live leases (which takes nothing), places in rates, uses of grants.
-- KEYS: 1 meta, 2 resources, 3 requests, 4 order, 5 deadlines, 6 events, 7 rates
-- ARGV: 1 channel, 2 '', 3 the id that takes, 4 '1' to take or '0' to look, then in turn
--   'lock', name, agent_id, token, mode (x, s or l), least remaining ms, '1' enforced or '0' only recorded
--   'rate', key, limit, window ms, '1' or '0', ''
--   'grant', key, uses, when it ends (ms), when a use is forgotten (ms), agent_id, resources, extras of the event
-- Returns: {'taken' | 'refused' | 'seen', now, for each: verdict, a, b}
--   lock: held | missing | mode | short, request_id or '', remaining ms
--   grant: free | known | full | late | revoked, uses left after this one, ''
--   rate: free | full | known, places left after this one, ms until the oldest place is free again
--@include Locks/Lua/_lib/held.lua
--@include Policies/Lua/_lib/grants.lua
begin()
local rates, id, take = KEYS[7], ARGV[3], ARGV[4] == '1'
local covers = {x = {x = true}, s = {x = true, s = true}, l = {l = true}}
local reply, taking, using, refused = {'seen', int(now)}, {}, {}, false

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
  elseif ARGV[index] == 'grant' then
    local verdict, left = judge_grant(rates, ARGV[index + 1], id, tonumber(ARGV[index + 2]), tonumber(ARGV[index + 3]))
    answer('1', verdict == 'free' or verdict == 'known', verdict, int(math.max(left, 0)), '0')
    if verdict == 'free' then
      using[#using + 1] = index
    end
    index = index + 8
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
  forget_places(rates, 2 * (#taking + #using) + 2)
  for _, place in ipairs(taking) do
    take_place(rates, place[1], id, place[2])
  end
  for _, at in ipairs(using) do
    take_grant(rates, ARGV[at + 1], id, tonumber(ARGV[at + 4]), ARGV[at + 5], ARGV[at + 6], ARGV[at + 7])
  end
  if #taking + #using > 0 then
    save_counters()
  end
elseif refused then
  reply[1] = 'refused'
end
return reply
