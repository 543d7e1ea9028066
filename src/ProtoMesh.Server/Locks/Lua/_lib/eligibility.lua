-- When a request may have its resources, and how a change is told to the journal.
--@include Locks/Lua/_lib/resources.lua
--@include Journal/Lua/_lib/append.lua
local woken, legacy_grants, hurry_journal

local begin_resources = begin
local function begin()
  begin_resources()
  woken, legacy_grants, hurry_journal = {}, {}, false
end

local function journal(kind, id, request, cause, extras)
  request.event = append_event('lock.' .. kind, now_text, id, request.token, cause, request.agent, request.session,
    request.names, extras, request.payload or '')
  hurry_journal = hurry_journal or flagged(request, 'j')
end

local function fits(resource, want)
  if resource.rest_ends > now then
    return false
  elseif want.mode == 'l' then
    return resource.used + want.units <= want.capacity
  end
  return resource.held == 0 or (want.mode == 's' and resource.mode == 's')
end

-- True when the request stands first for each of its resources and each is free for it.
local function grantable(id, request)
  for _, want in ipairs(wants_of(request)) do
    local resource = load_resource(want.name)
    if not fits(resource, want) then
      return false
    elseif resource.waiting > 0 then
      local first = first_waiter(want.name)
      if first and first < waiter_member(want.name, request, id) then
        return false
      end
    end
  end
  return true
end
