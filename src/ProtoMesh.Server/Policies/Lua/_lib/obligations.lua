-- What rules require: live leases (which takes nothing) and places in rates, checked first and then taken, all or nothing.
-- In ARGV, in turn:
--   'lock', name, agent_id, token, mode (x, s or l), least remaining ms, '1' enforced or '0' only recorded
--   'rate', key, limit, window ms, '1' or '0', ''
-- In the reply for each: verdict, a, b
--   lock: held | missing | mode | short, request_id or '', remaining ms
--   rate: free | full | known, places left after this one, ms until the oldest place is free again
--@include Locks/Lua/_lib/held.lua
--@include Policies/Lua/_lib/rates.lua
local covers = {x = {x = true}, s = {x = true, s = true}, l = {l = true}}

-- Answers each requirement from ARGV[index] on and lists what would be taken; returns whether one that is enforced is not met.
local function look_at_obligations(index, id, reply, taking)
  local refused = false
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
    else
      local key, limit, window = ARGV[index + 1], tonumber(ARGV[index + 2]), tonumber(ARGV[index + 3])
      local count, oldest = count_places(KEYS[7], key, limit, window)
      local verdict = has_place(KEYS[7], key, id) and 'known' or count < limit and 'free' or 'full'
      local left = limit - count - (verdict == 'free' and 1 or 0)
      answer(ARGV[index + 4], verdict ~= 'full', verdict, int(math.max(left, 0)), int(oldest + window - now))
      -- A rate that is only recorded counts too: else it would never be full.
      if verdict == 'free' then
        taking[#taking + 1] = {key, window}
      end
      index = index + 6
    end
  end
  return refused
end

local function take_obligations(id, taking)
  forget_places(KEYS[7], 2 * #taking + 2)
  for _, place in ipairs(taking) do
    take_place(KEYS[7], place[1], id, place[2])
  end
end
