-- The sweeper: ends what is due, of leases and of budgets, grants what became free, and forgets what was kept long enough.
-- KEYS: 1 meta, 2 resources, 3 requests, 4 order, 5 deadlines, 6 events, 7 rates, 8 budgets
-- ARGV: 1 channel, 2 settings
-- Returns: {'ok', now, next deadline, '1' when there is more to do at once, and what is to be given back in another partition}
--@include Locks/Lua/_lib/waiting.lua
--@include Locks/Lua/_lib/give_back.lua
begin()
begin_budgets()
local swept = sweep_budgets(64)
local seen = catch_up(64)

local old = call('ZRANGEBYLEX', order, '[\1', '(\1' .. format('%016d', now + 1), 'LIMIT', '0', '200')
local forgotten, elsewhere = {}, {}
for _, member in ipairs(old) do
  local kind, id = sub(member, 18, 18), sub(member, 19)
  if kind == 'q' then
    forgotten[#forgotten + 1] = id
  elseif kind == 'b' then
    local given = give_back(id)
    swept = given and math.max(swept, 1) or swept
    elsewhere[#elsewhere + 1] = given == false and id or nil
  else
    local resource = load_resource(id)
    local idle = resource.held == 0 and resource.waiting == 0 and not changed_resources[id]
    local kept_until = now + memory_ms
    if idle then
      -- A rest may be cut short, so it is looked at again in time.
      local remembered = resource.used_at + memory_ms
      kept_until = remembered > now and remembered or math.min(resource.rest_ends, kept_until)
    end
    if kept_until <= now then
      call('HDEL', resources, id)
    else
      forget_at(kept_until, 's', id)
    end
  end
end
if #old > 0 then
  call('ZREM', order, unpack(old))
  save_budgets()
end
if #forgotten > 0 then
  call('HDEL', requests, unpack(forgotten))
end
local next_due = call('ZRANGE', deadlines, '0', '0', 'WITHSCORES')
if seen > 0 then
  settle('time')
elseif swept > 0 or went_back or (next_due[1] ~= '' and now_us - last_us >= 1000000) then
  -- A step back of the clock is seen only against a time that was saved: while something is live, at most a second ago.
  save_counters()
end
return {'ok', int(now), next_due[2], (seen == 64 or swept == 64 or #old == 200) and '1' or '0', unpack(elsewhere)}
