-- What every script that changes something does around it: first end what is over, last grant what became free, then save.
--@include Locks/Lua/_lib/finish.lua
local steps, pumped

local begin_changes = begin
local function begin()
  begin_changes()
  steps, pumped = 64, 0
end

-- Removes what is over from the heads of a queue and grants from it until the head does not fit.
local function pump(name, cause)
  while load_resource(name).waiting > 0 and load_resource(name).rest_ends <= now do
    local first = first_waiter(name)
    if not first then
      return
    end
    if steps == 0 then
      call('ZADD', deadlines, int(now), '\1' .. name)
      return
    end
    local id = waiter_id(name, first)
    local request = load_request(id)
    local deadline = tonumber(call('ZSCORE', deadlines, id))
    if deadline <= now then
      lapse(id, request, deadline)
    elseif grantable(id, request) then
      grant(id, request, false, cause)
      woken[#woken + 1] = id
    else
      return
    end
    steps = steps - 1
  end
end

local function pump_dirty(cause)
  while dirty[pumped + 1] do
    pumped = pumped + 1
    pump(dirty[pumped], cause)
  end
end

-- Ends what is due, oldest first, and grants what that freed. Returns how many entries it has seen.
local function catch_up(limit)
  local due = call('ZRANGEBYSCORE', deadlines, '-inf', now_text, 'WITHSCORES', 'LIMIT', '0', limit)
  for index = 1, #due, 2 do
    local id = due[index]
    if sub(id, 1, 1) == '\1' then
      -- What lapsed a moment ago in this loop may have made the rest longer, and its entry with it.
      if load_resource(sub(id, 2)).rest_ends <= now then
        call('ZREM', deadlines, id)
        mark_dirty(sub(id, 2))
      end
    else
      lapse(id, load_request(id), tonumber(due[index + 1]))
    end
  end
  pump_dirty('time')
  return #due / 2
end

-- Grants what became free, writes everything back, and hints to whoever waits.
local function settle(cause)
  pump_dirty(cause)
  for id, request in pairs(changed_requests) do
    local space = counted and match(request.names, '^%a,%d+,%d+,([^/]*)/')
    if space and find(counted, '\1' .. space .. '\1', 1, true) then
      -- See _lib/limits.lua.
      local text = call('HGET', requests, id)
      local was, is = text and match(text, '^[^\1]*'), request.state
      if was ~= is then
        local held, waiting = unpack(call('HMGET', meta, 'held ' .. space, 'waiting ' .. space))
        held = held + (is == 'granted' and 1 or 0) - (was == 'granted' and 1 or 0)
        waiting = waiting + (is == 'queued' and 1 or 0) - (was == 'queued' and 1 or 0)
        call('HSET', meta, 'held ' .. space, int(held), 'waiting ' .. space, int(waiting))
      end
    end
    request.saved = request_text(request)
    call('HSET', requests, id, request.saved)
  end
  save_resources()
  save_counters()
  if #woken > 0 then
    call('PUBLISH', channel, 'woken ' .. table.concat(woken, ' '))
  end
  if #legacy_grants > 0 then
    call('PUBLISH', channel, 'legacy ' .. table.concat(legacy_grants, ' '))
  end
  if hurry_journal then
    call('PUBLISH', channel, 'journal')
  end
end
