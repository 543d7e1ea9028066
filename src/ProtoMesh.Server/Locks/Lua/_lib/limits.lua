-- The limits of a namespace, and how many leases and waiters it has. It is counted from the first request on that finds a
-- limit there, and then for good, by settle(); a namespace that never had a limit is not counted. In meta:
--   counted        the namespaces that are, each between two \1
--   held NAME, waiting NAME   requests that are granted (one that re-enters counts too) and queued, by their records
--@include Locks/Lua/_lib/resources.lua

-- Which limit of its namespace a request would exceed as a lease or, if it waits, as a waiter: its name, or nil.
-- limits: most leases, most waiters, most waiters of one resource; each a number or -. Nothing may be unsaved.
local function limit_of(request, limits, waits)
  local leases, waiters, of_one = match(limits, '^(%S+) (%S+) (%S+)$')
  local most = tonumber(waits and waiters or leases)
  if waits and of_one ~= '-' then
    for _, want in ipairs(wants_of(request)) do
      if load_resource(want.name).waiting >= tonumber(of_one) then
        return 'max_waiters_per_resource'
      end
    end
  end
  if not most then
    return nil
  end

  local space = match(request.names, '^%a,%d+,%d+,([^/]*)/')
  if not (counted and find(counted, '\1' .. space .. '\1', 1, true)) then
    -- Once for a namespace: by the order of its requests.
    local seen, held, waiting, from = {}, 0, 0, '[' .. space .. '/'
    repeat
      local members = call('ZRANGEBYLEX', order, from, '(' .. space .. '0', 'LIMIT', '0', '1000')
      for _, member in ipairs(members) do
        local holder = match(member, '^[^\1]*\1h[^\1]*\1[^\1]*\1(.*)$')
        local id = holder or sub(match(member, '\1w(.*)$'), 28)
        if not seen[id] then
          seen[id] = true
          held, waiting = held + (holder and 1 or 0), waiting + (holder and 0 or 1)
        end
        from = '(' .. member
      end
    until #members < 1000
    counted = (counted or '') .. '\1' .. space .. '\1'
    call('HSET', meta, 'counted', counted, 'held ' .. space, int(held), 'waiting ' .. space, int(waiting))
  end
  local has = tonumber(call('HGET', meta, (waits and 'waiting ' or 'held ') .. space))
  return has >= most and (waits and 'max_waiters' or 'max_held_leases') or nil
end
