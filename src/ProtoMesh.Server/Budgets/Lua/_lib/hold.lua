-- Reserving: first all reservations of a call are tried in memory, then all are kept or none.
--@include Budgets/Lua/_lib/sweep.lua

-- Until some of a full line is free again; -1 when no time brings that.
local function wait_of(line)
  if line.ends then
    return line.ends - now
  end
  local oldest
  for _, bucket in ipairs(load_counter(line).buckets) do
    if line.span and bucket.spent > 0 and bucket.index >= first_bucket(line) and (not oldest or bucket.index < oldest) then
      oldest = bucket.index
    end
  end
  return oldest and (oldest + 1) * line.width + line.span - now or -1
end

-- Returns the reservation and: 'fits' (now held in memory, if it is to be taken), 'known' (it was made before), 'conflict' (with other content),
-- 'full' with the time until it may fit or -1, or 'stale' when a window that was passed is not the present one.
local function try_hold(is_taken, space, id, digest, agent, unit, amount, hold_ms, lines, payload)
  local field = 'r' .. space .. '\4' .. id
  local r = load_reservation(field)
  if r then
    return r, r.digest == digest and 'known' or 'conflict', r.expires - now
  end
  r = {field = field, state = 'held', digest = digest, unit = unit, amount = tonumber(amount), created = now, expires = now + tonumber(hold_ms),
    agent = agent, actual = '', flags = '', verification = '', claimed = '', recomputed = '', settled = '', settle_digest = '', priced = '',
    lines = lines, payload = payload}
  local wait
  for _, line in ipairs(lines_of(r)) do
    if line.ends and (now < line.starts or now >= line.ends) then
      return r, 'stale', 0
    end
    local spent, topped = totals(line)
    if spent + load_counter(line).held + r.amount > line.cap + topped then
      local more = wait_of(line)
      wait = (more < 0 or wait == -1) and -1 or math.max(wait or 0, more)
    end
  end
  if wait then
    return r, 'full', wait
  end
  for _, line in ipairs(is_taken and lines_of(r) or {}) do
    load_counter(line).held = load_counter(line).held + r.amount
  end
  return r, 'fits', r.expires - now
end

local function keep_hold(r)
  keep_reservation(r)
  call('ZADD', holds, '0', 'b' .. stamp(r.expires) .. r.field)
  tell('reserved', r, 'reserve', '\2expires_ms=' .. int(r.expires))
end
