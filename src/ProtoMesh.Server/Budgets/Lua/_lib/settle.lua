-- Committing, releasing, and the alerts that follow what was spent.
--@include Budgets/Lua/_lib/sweep.lua

-- The reservation, when the caller may have it. A guard is as Locks/Lua/_lib/guard.lua has it.
local function guarded_reservation(space, id, guard)
  local r = load_reservation('r' .. space .. '\4' .. id)
  if r and guard ~= '' then
    local own, kind, who = match(guard, '^([^\1]*)\1(.?)(.*)$')
    if own ~= space or (kind == '=' and r.agent ~= who) or (kind == '^' and sub(r.agent, 1, #who) ~= who) then
      return false
    end
  end
  return r
end

-- Says once for each window, or once in the length of a rolling one, that a part of the limit has been spent.
local function alert(line, r)
  local counter, spent, topped = load_counter(line), totals(line)
  local limit, said = line.cap + topped, {}
  for percent, at in string.gmatch(counter.alerts, '(%d+):(%d+)') do
    said[percent] = tonumber(at)
  end
  for percent in string.gmatch(line.alerts, '%d+') do
    local is_said = said[percent] and not (line.span and said[percent] + line.span <= now)
    if not is_said and spent > 0 and spent * 100 >= tonumber(percent) * limit then
      local others = string.gsub(',' .. counter.alerts, ',' .. percent .. ':%d+', '')
      counter.alerts = sub(others .. ',' .. percent .. ':' .. now_text, 2)
      append_event('budget.alert', now_text, '', '', 'commit', r.agent, '', 'x,1,1,' .. space_of(r.field) .. '/budget/' .. line.name,
        'budget=' .. line.name .. '\2key=' .. line.key .. '\2percent=' .. percent .. '\2spent=' .. int(spent) .. '\2cap=' .. int(limit), '')
    end
  end
end

-- Posts the real cost to the windows in which it was reserved. Returns false when a counter would pass what a number holds.
local function post(r, actual, is_disputed)
  for _, line in ipairs(lines_of(r)) do
    if bucket_of(line, r.created).spent + actual > 9000000000000000 then
      return false
    end
  end
  for _, line in ipairs(lines_of(r)) do
    local bucket = bucket_of(line, r.created)
    bucket.spent = bucket.spent + actual
    bucket.disputed = bucket.disputed + (is_disputed and 1 or 0)
    mark_changed(line)
  end
  return true
end
