-- The live lease of an agent on a resource, found by the token that it shows.
--@include Locks/Lua/_lib/resources.lua

-- Returns its request_id, its record and the mode (x, s or l) in which it has the resource; nothing when there is none.
local function lease_of(name, agent, token)
  local prefix = name .. '\1h' .. agent .. '\1'
  for _, member in ipairs(redis.call('ZRANGEBYLEX', order, '[' .. prefix, '(' .. prefix .. '\255')) do
    local id = string.match(member, '([^\1]*)$')
    local request = load_request(id)
    if request and request.state == 'granted' and request.claimed == '1' and request.token == token and tonumber(request.ends) > now then
      for _, want in ipairs(wants_of(request)) do
        if want.name == name then
          return id, request, want.mode
        end
      end
    end
  end
end
