-- Ends what is due: holds that expire, and fields that were kept long enough.
--@include Budgets/Lua/_lib/reservations.lua

-- Takes the hold off the counters; what becomes of the reservation is up to the caller.
local function drop_hold(r)
  for _, line in ipairs(lines_of(r)) do
    local counter = load_counter(line)
    counter.held = math.max(0, counter.held - r.amount)
    mark_changed(line)
  end
  call('ZREM', holds, 'b' .. stamp(r.expires) .. r.field)
end

local function expire(r)
  drop_hold(r)
  r.state, r.settled = 'expired', now_text
  keep_reservation(r)
  forget_later(r.field, now + kept_ms)
  tell('expired', r, 'expiry', '')
end

-- Whether a rule of a policy reserved it, and not its agent by itself.
local function by_rule(r)
  return find(r.payload, '"rule":"', 1, true)
end

-- Ends one of which nothing was spent; it is kept, so that whoever asks for it later reads what became of it.
local function release_hold(r, cause)
  drop_hold(r)
  r.state, r.settled = 'released', now_text
  keep_reservation(r)
  forget_later(r.field, now + kept_ms)
  tell('released', r, cause, '')
end

-- A counter that was used since is kept on; a reservation that was committed late is forgotten in its own time.
local function forget(field)
  local kept_until = 0
  local text = call('HGET', budgets, field)
  if text and sub(field, 1, 1) == 'c' then
    local used_at = tonumber(match(text, '^%d+\1(%d+)'))
    local shape, window = match(field, '^c[^\4]*\4[^\4]*\4[^\4]*\4([^\4]*)\4[^\4]*\4([^\4]*)$')
    local span = tonumber(match(shape, '^r:(%d+)$'))
    kept_until = window == '' and used_at + (span and span + hold_most_ms + kept_ms or idle_ms) or 0
  elseif text and sub(field, 1, 1) == 'r' then
    kept_until = (tonumber(parse_reservation(field, text).settled) or now) + kept_ms
  end
  if kept_until > now then
    forget_later(field, kept_until)
  elseif text then
    call('HDEL', budgets, field)
  end
end

-- At most so many of each; returns how many were due. The caller saves the partition's counters when any were.
local function sweep_budgets(limit)
  local over = call('ZRANGEBYLEX', holds, '[b', '(b' .. stamp(now + 1), 'LIMIT', '0', int(limit))
  for _, member in ipairs(over) do
    local r = load_reservation(sub(member, 18))
    if r and r.state == 'held' then
      expire(r)
    else
      call('ZREM', holds, member)
    end
  end
  local old = call('ZRANGEBYLEX', holds, '[f', '(f' .. stamp(now + 1), 'LIMIT', '0', int(limit))
  for _, member in ipairs(old) do
    call('ZREM', holds, member)
    forget(sub(member, 18))
  end
  save_budgets()
  return math.max(#over, #old)
end
