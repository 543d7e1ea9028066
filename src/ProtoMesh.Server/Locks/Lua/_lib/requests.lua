-- Requests as the store keeps them: parts joined by \1, lists by \2. Loaded once a call, written once, by save().
-- All parts are texts; times are ms of the partition's clock; no value may hold a control character.
--@include Store/Lua/_lib/clock.lua
local ageing, liveness_ms, claim_ms, retention_ms, memory_ms, max_queue
local loaded_requests, changed_requests

local begin_clock = begin
local function begin()
  begin_clock()
  ageing, liveness_ms, claim_ms, retention_ms, memory_ms, max_queue =
    string.match(ARGV[2], '^(%-?%d+) (%d+) (%d+) (%d+) (%d+) (%d+)$')
  ageing, liveness_ms, claim_ms = tonumber(ageing), tonumber(liveness_ms), tonumber(claim_ms)
  retention_ms, memory_ms, max_queue = tonumber(retention_ms), tonumber(memory_ms), tonumber(max_queue)
  loaded_requests, changed_requests = {}, {}
end

local part = '([^\1]*)\1'
local live_pattern = '^' .. string.rep(part, 23) .. '(.*)$'
local ended_pattern = '^' .. string.rep(part, 11) .. '(.*)$'

-- A queued or granted request. ends: of the lease, or of the time to claim it while claimed is ''.
-- flags: d detached, r reentrant, j journaled, p legacy (publishes its grant), g shares a token with another (re-entry).
local function parse_live(text)
  local state, digest, token, ends, hold_ends, claimed, wait_ends, enqueued, score, seq, priority, ttl, max_hold, drain,
    flags, names, agent, session, granted, progress, changed, previous, event, payload = string.match(text, live_pattern)
  return {state = state, digest = digest, token = token, ends = ends, hold_ends = hold_ends, claimed = claimed,
    wait_ends = wait_ends, enqueued = enqueued, score = score, seq = seq, priority = priority, ttl = ttl,
    max_hold = max_hold, drain = drain, flags = flags, names = names, agent = agent, session = session,
    granted = granted, progress = progress, changed = changed, previous = previous, event = event, payload = payload}
end

local function live_text(r)
  return table.concat({r.state, r.digest, r.token, r.ends, r.hold_ends, r.claimed, r.wait_ends, r.enqueued, r.score,
    r.seq, r.priority, r.ttl, r.max_hold, r.drain, r.flags, r.names, r.agent, r.session, r.granted, r.progress,
    r.changed, r.previous, r.event, r.payload}, '\1')
end

-- What is left of an ended request, so that a late retry reads the same answer.
local function parse_ended(text)
  local state, digest, token, ended, cause, names, agent, session, granted, successor, flags, event =
    string.match(text, ended_pattern)
  return {state = state, digest = digest, token = token, ended = ended, cause = cause, names = names, agent = agent,
    session = session, granted = granted, successor = successor, flags = flags, event = event}
end

local function ended_text(r)
  return table.concat({r.state, r.digest, r.token, r.ended, r.cause, r.names, r.agent, r.session,
    r.granted, r.successor or '', r.flags, r.event}, '\1')
end

local function is_live(request)
  return request.state == 'granted' or request.state == 'queued'
end

local function parse_request(text)
  local state = string.sub(text, 1, 7)
  return (state == 'granted' or state == 'queued\1') and parse_live(text) or parse_ended(text)
end

local function request_text(request)
  return request.saved or is_live(request) and live_text(request) or ended_text(request)
end

local function load_request(id)
  local request = loaded_requests[id]
  if request == nil then
    local text = id ~= '' and redis.call('HGET', requests, id)
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
  return string.find(request.flags, flag, 1, true) ~= nil
end

-- The wants of a request, from 'mode,capacity,units,name' joined by \2.
local function wants_of(request)
  if not request.wants then
    request.wants = {}
    for mode, capacity, units, name in string.gmatch(request.names, '(%a),(%d+),(%d+),([^\2]+)') do
      request.wants[#request.wants + 1] = {mode = mode, capacity = tonumber(capacity), units = tonumber(units), name = name}
    end
  end
  return request.wants
end
