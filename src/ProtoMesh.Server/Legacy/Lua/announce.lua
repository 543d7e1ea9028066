-- Tells agents of the original's protocol that they hold what they waited for: on the channel of the resource, and only
-- while that very lease lives, so that no agent ever takes an earlier lease for its present one. Writes nothing.
-- KEYS: 1 meta, 2 resources, 3 requests, 4 order, 5 deadlines, 6 events
-- ARGV: 1 channel, 2 settings, 3.. request_id
-- Returns: {'ok', for each: ms since its grant | queued | gone}
--@include Locks/Lua/_lib/requests.lua
begin()
local partition = match(KEYS[1], '{p(%d+)}')
local reply = {'ok'}

-- The type and id as the agent wrote them; Legacy/LegacyNames.cs writes what is read back here. That channel knows no
-- namespaces, and whoever listens there is of the default one: a grant in another must not be taken for one in it.
local function channel_of(name)
  local space, kind, id = match(name, '^([^/]*)/([^/]*)/(.*)$')
  if sub(kind, 1, 7) == 'legacy.' then
    kind = string.gsub(sub(kind, 8), '_(%x%x)', function(hex)
      return string.char(tonumber(hex, 16))
    end)
  end
  return (space == 'default' and 'lock_granted:lock:' or 'lock_granted@' .. space .. ':lock:') .. kind .. ':' .. id
end

for index = 3, #ARGV do
  local id = ARGV[index]
  local request = load_request(id)
  local state = 'gone'
  if request and request.state == 'queued' then
    state = 'queued'
  elseif request and request.state == 'granted' and flagged(request, 'p') and tonumber(request.ends) > now then
    call('PUBLISH', channel_of(wants_of(request)[1].name), request.agent .. ':' .. id .. '.' .. partition)
    state = int(now - tonumber(request.granted))
  end
  reply[#reply + 1] = state
end
return reply
