-- How many leases and waiters a namespace has. It is counted from the first request on that finds a limit there, and then
-- for good, beside each change of a request; a namespace that never had a limit is not counted. In meta:
--   counted        the namespaces that are, each between two \1
--   held NAME, waiting NAME   requests that are granted (one that re-enters counts too) and queued
--@include Locks/Lua/_lib/resources.lua
local count_changes

local begin_resources = begin
local function begin()
  begin_resources()
  count_changes = nil
end

local function space_of(request)
  return match(request.names, '^%a,%d+,%d+,([^/]*)/')
end

local function is_counted(space)
  return counted and find(counted, '\1' .. space .. '\1', 1, true) ~= nil
end

-- So many more leases and waiters, or less.
local function count(request, held, waiting)
  local space = counted and space_of(request)
  if space and is_counted(space) then
    count_changes = count_changes or {}
    local change = count_changes[space] or {0, 0}
    count_changes[space] = {change[1] + held, change[2] + waiting}
  end
end

-- Once for a namespace: finds out what it has by the order of its requests, in which each change is at once.
local function start_counting(space)
  local seen, held, waiting, from = {}, 0, 0, '[' .. space .. '/'
  repeat
    local members = call('ZRANGEBYLEX', order, from, '(' .. space .. '0', 'LIMIT', '0', '1000')
    for _, member in ipairs(members) do
      local kind, tail = match(member, '^[^\1]*\1(.)(.*)$')
      local id = kind == 'w' and sub(tail, 28) or match(tail, '([^\1]*)$')
      if not seen[id] then
        seen[id] = true
        held, waiting = held + (kind == 'h' and 1 or 0), waiting + (kind == 'w' and 1 or 0)
      end
      from = '(' .. member
    end
  until #members < 1000
  counted = (counted or '') .. '\1' .. space .. '\1'
  call('HSET', meta, 'counted', counted, 'held ' .. space, int(held), 'waiting ' .. space, int(waiting))
end

local function counts_of(space)
  if not is_counted(space) then
    start_counting(space)
  end
  local known = call('HMGET', meta, 'held ' .. space, 'waiting ' .. space)
  local change = count_changes and count_changes[space] or {0, 0}
  return tonumber(known[1]) + change[1], tonumber(known[2]) + change[2]
end

-- Which limit of its namespace a request would exceed as a lease, or as a waiter: its name, or nil.
-- limits: most leases, most waiters, most waiters of one resource; each a number or -.
local function lease_limit(request, limits)
  local most = tonumber(match(limits, '^%S+'))
  local held = most and counts_of(space_of(request))
  return most and held >= most and 'max_held_leases' or nil
end

local function waiter_limit(request, limits)
  local most, most_of_one = match(limits, '^%S+ (%S+) (%S+)$')
  most, most_of_one = tonumber(most), tonumber(most_of_one)
  for _, want in ipairs(most_of_one and wants_of(request) or {}) do
    if load_resource(want.name).waiting >= most_of_one then
      return 'max_waiters_per_resource'
    end
  end
  if most then
    local _, waiting = counts_of(space_of(request))
    return waiting >= most and 'max_waiters' or nil
  end
end

local function save_counts()
  for space in pairs(count_changes or {}) do
    local held, waiting = counts_of(space)
    call('HSET', meta, 'held ' .. space, int(held), 'waiting ' .. space, int(waiting))
  end
  count_changes = nil
end
