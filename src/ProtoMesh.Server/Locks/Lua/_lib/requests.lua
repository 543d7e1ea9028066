-- Requests as the store keeps them: parts joined by \1, lists by \2. Loaded once a call, written once, by save().
-- All parts are texts; times are ms of the partition's clock; no value may hold a control character.
--@include Store/Lua/_lib/clock.lua
local settings, ageing, liveness_ms, claim_ms, retention_ms, memory_ms, max_queue
local loaded_requests, changed_requests, live_pattern, ended_pattern

local begin_clock = begin
local function begin()
  begin_clock()
  if settings ~= ARGV[2] then
    settings = ARGV[2]
    ageing, liveness_ms, claim_ms, retention_ms, memory_ms, max_queue = match(settings,
      '^(%-?%d+) (%d+) (%d+) (%d+) (%d+) (%d+)$')
    ageing, liveness_ms, claim_ms = tonumber(ageing), tonumber(liveness_ms), tonumber(claim_ms)
    retention_ms, memory_ms, max_queue = tonumber(retention_ms), tonumber(memory_ms), tonumber(max_queue)
  end
  loaded_requests, changed_requests = {}, {}
end

-- A pattern that takes so many parts and the rest.
local function parts_pattern(count)
  return '^' .. string.rep('([^\1]*)\1', count) .. '(.*)$'
end

-- A queued or granted request. ends: of the lease, or of the time to claim it while claimed is ''.
-- flags: d detached, r reentrant, j journaled, p legacy (publishes its grant), a names an action, g shares a token with another (re-entry).
local function parse_live(text)
  live_pattern = live_pattern or parts_pattern(23)
  local state, digest, token, ends, hold_ends, claimed, wait_ends, enqueued, score, seq, priority, ttl, max_hold, drain,
    flags, names, agent, session, granted, progress, changed, previous, event, payload = match(text, live_pattern)
  return {state = state, digest = digest, token = token, ends = ends, hold_ends = hold_ends, claimed = claimed,
    wait_ends = wait_ends, enqueued = enqueued, score = score, seq = seq, priority = priority, ttl = ttl,
    max_hold = max_hold, drain = drain, flags = flags, names = names, agent = agent, session = session,
    granted = granted, progress = progress, changed = changed, previous = previous, event = event, payload = payload}
end

local function live_text(r)
  return r.state .. '\1' .. r.digest .. '\1' .. r.token .. '\1' .. r.ends .. '\1' .. r.hold_ends .. '\1' .. r.claimed .. '\1' ..
    r.wait_ends .. '\1' .. r.enqueued .. '\1' .. r.score .. '\1' .. r.seq .. '\1' .. r.priority .. '\1' .. r.ttl .. '\1' ..
    r.max_hold .. '\1' .. r.drain .. '\1' .. r.flags .. '\1' .. r.names .. '\1' .. r.agent .. '\1' .. r.session .. '\1' ..
    r.granted .. '\1' .. r.progress .. '\1' .. r.changed .. '\1' .. r.previous .. '\1' .. r.event .. '\1' .. r.payload
end

-- What is left of an ended request, so that a late retry reads the same answer.
local function parse_ended(text)
  ended_pattern = ended_pattern or parts_pattern(11)
  local state, digest, token, ended, cause, names, agent, session, granted, successor, flags, event = match(text, ended_pattern)
  return {state = state, digest = digest, token = token, ended = ended, cause = cause, names = names, agent = agent,
    session = session, granted = granted, successor = successor, flags = flags, event = event}
end

local function ended_text(r)
  return r.state .. '\1' .. r.digest .. '\1' .. r.token .. '\1' .. r.ended .. '\1' .. r.cause .. '\1' .. r.names .. '\1' ..
    r.agent .. '\1' .. r.session .. '\1' .. r.granted .. '\1' .. (r.successor or '') .. '\1' .. r.flags .. '\1' .. r.event
end

local function is_live(request)
  return request.state == 'granted' or request.state == 'queued'
end

local function parse_request(text)
  local state = sub(text, 1, 7)
  return (state == 'granted' or state == 'queued\1') and parse_live(text) or parse_ended(text)
end

local function request_text(request)
  return request.saved or is_live(request) and live_text(request) or ended_text(request)
end

local function load_request(id)
  local request = loaded_requests[id]
  if request == nil then
    local text = id ~= '' and call('HGET', requests, id)
    request = text and parse_request(text) or false
    loaded_requests[id] = request
  end
  return request
end

local function keep_request(id, request)
  request.saved = nil
  loaded_requests[id], changed_requests[id] = request, request
end

local function flagged(request, flag)
  return request.flags ~= '' and find(request.flags, flag, 1, true) ~= nil
end

-- The wants of a request, from 'mode,capacity,units,name' joined by \2.
local function wants_of(request)
  local wants = request.wants
  if not wants then
    wants = {}
    for mode, capacity, units, name in string.gmatch(request.names, '(%a),(%d+),(%d+),([^\2]+)') do
      wants[#wants + 1] = {mode = mode, capacity = tonumber(capacity), units = tonumber(units), name = name}
    end
    request.wants = wants
  end
  return wants
end
