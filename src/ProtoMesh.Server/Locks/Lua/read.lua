-- An observer's view of a request, with up to a given number of those ahead of it. Writes nothing.
-- KEYS: 1 meta, 2 resources, 3 requests, 4 order, 5 deadlines, 6 events
-- ARGV: 1 channel, 2 settings, 3 request_id, 4 how many ahead
-- Returns: {describe() with tag state | unknown, {id, record, ...} of those ahead in the longest queue}
--@include Locks/Lua/_lib/replies.lua
begin()
local id, limit = ARGV[3], ARGV[4]
local request = load_request(id)
local ahead, longest = {}, 0
if request and request.state == 'queued' and limit ~= '0' then
  for _, want in ipairs(wants_of(request)) do
    local members = call('ZRANGEBYLEX', order, '[' .. want.name .. '\1w', '(' .. waiter_member(want.name, request, id), 'LIMIT', '0', limit)
    if #members > longest then
      longest, ahead = #members, {}
      for _, member in ipairs(members) do
        local other = waiter_id(want.name, member)
        ahead[#ahead + 1] = other
        ahead[#ahead + 1] = request_text(load_request(other))
      end
    end
  end
end
return {describe(request and 'state' or 'unknown', id, request), ahead}
