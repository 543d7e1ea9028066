-- Reservations: amounts held on several counters at once, until they are committed, released or expire.
-- Field in the hash of budgets: 'r', namespace, \4, reservation id. Their ends stand in the ordered set of rates, all of score 0:
--   'b' end field: when a hold expires; 'f' time field: when a field may be forgotten (times as 16 digits)
--@include Budgets/Lua/_lib/counters.lua
local reservation_pattern

-- lines: joined by \2, as counters.lua reads them; payload: JSON that events carry; priced: 'model=…\2price_table=…' or ''.
local function parse_reservation(field, text)
  reservation_pattern = reservation_pattern or '^' .. string.rep('([^\1]*)\1', 16) .. '(.*)$'
  local state, digest, unit, amount, created, expires, agent, actual, flags, verification, claimed, recomputed, settled,
    settle_digest, priced, lines, payload = match(text, reservation_pattern)
  return {field = field, state = state, digest = digest, unit = unit, amount = tonumber(amount), created = tonumber(created),
    expires = tonumber(expires), agent = agent, actual = actual, flags = flags, verification = verification, claimed = claimed,
    recomputed = recomputed, settled = settled, settle_digest = settle_digest, priced = priced, lines = lines, payload = payload}
end

local function reservation_text(r)
  return r.state .. '\1' .. r.digest .. '\1' .. r.unit .. '\1' .. int(r.amount) .. '\1' .. int(r.created) .. '\1' .. int(r.expires) ..
    '\1' .. r.agent .. '\1' .. r.actual .. '\1' .. r.flags .. '\1' .. r.verification .. '\1' .. r.claimed .. '\1' .. r.recomputed ..
    '\1' .. r.settled .. '\1' .. r.settle_digest .. '\1' .. r.priced .. '\1' .. r.lines .. '\1' .. r.payload
end

local function load_reservation(field)
  local text = call('HGET', budgets, field)
  return text and parse_reservation(field, text)
end

local function keep_reservation(r)
  call('HSET', budgets, r.field, reservation_text(r))
end

local function space_of(field)
  return match(field, '^.([^\4]*)')
end

local function lines_of(r)
  if not r.read_lines then
    r.read_lines = {}
    for text in string.gmatch(r.lines, '[^\2]+') do
      r.read_lines[#r.read_lines + 1] = read_line(space_of(r.field), text)
    end
  end
  return r.read_lines
end

-- The record, \5, and its lines with what the counters say now.
local function reservation_view(r)
  local views = {}
  for index, line in ipairs(lines_of(r)) do
    views[index] = line_view(line)
  end
  return reservation_text(r) .. '\5' .. table.concat(views, '\2')
end

local function names_of(r)
  local names = {}
  for index, line in ipairs(lines_of(r)) do
    names[index] = 'x,1,1,' .. space_of(r.field) .. '/budget/' .. line.name
  end
  return table.concat(names, '\2')
end

-- Tells of a change, and marks the counters with the event, so that a rebuild sees that they moved.
local function tell(kind, r, cause, extras)
  local id = append_event('budget.' .. kind, now_text, '', '', cause, r.agent, '', names_of(r), 'created_ms=' .. int(r.created) .. extras, r.payload)
  for _, line in ipairs(lines_of(r)) do
    load_counter(line).event = id
    mark_changed(line)
  end
end

local function forget_later(field, at)
  call('ZADD', holds, '0', 'f' .. stamp(at) .. field)
end

local function end_of_use(line)
  return line.ends and line.ends + hold_most_ms + kept_ms or now + (line.span and line.span + hold_most_ms + kept_ms or idle_ms)
end

local function save_budgets()
  for _, line in ipairs(changed_lines) do
    local counter, first, buckets = load_counter(line), first_bucket(line), {}
    for _, bucket in ipairs(counter.buckets) do
      if bucket.index >= first then
        buckets[#buckets + 1] = int(bucket.index) .. ',' .. int(bucket.spent) .. ',' .. int(bucket.topped) .. ',' .. int(bucket.disputed)
      end
    end
    call('HSET', budgets, line.field, int(counter.held) .. '\1' .. now_text .. '\1' .. counter.event .. '\1' .. counter.alerts .. '\1' .. table.concat(buckets, '\2'))
    if counter.is_new then
      forget_later(line.field, end_of_use(line))
    end
    counter.is_changed, counter.is_new = false, false
  end
  changed_lines = {}
end
