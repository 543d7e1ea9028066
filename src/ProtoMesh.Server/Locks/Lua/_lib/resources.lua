-- Resources as the store keeps them, and the order in which their requests stand.
--@include Locks/Lua/_lib/requests.lua
local loaded_resources, changed_resources, dirty, resource_pattern

local begin_requests = begin
local function begin()
  begin_requests()
  loaded_resources, changed_resources, dirty = {}, {}, {}
end

-- family: x (exclusive and shared), l (slots) or ''; mode: of the present hold; held: holds, a re-entered one counts once;
-- recent: the last agents that held it, newest first; previous: agent, how it ended, when, note, joined by \3.
local function load_resource(name)
  local resource = loaded_resources[name]
  if resource then
    return resource
  end
  local text = call('HGET', resources, name)
  if text then
    resource_pattern = resource_pattern or parts_pattern(10)
    local family, capacity, mode, held, used, waiting, rest_ends, average, recent, previous, used_at =
      match(text, resource_pattern)
    resource = {family = family, capacity = tonumber(capacity), mode = mode, held = tonumber(held), used = tonumber(used),
      waiting = tonumber(waiting), rest_ends = tonumber(rest_ends), average = average, recent = recent,
      previous = previous, used_at = tonumber(used_at)}
  else
    resource = {family = '', capacity = 0, mode = '', held = 0, used = 0, waiting = 0, rest_ends = 0, average = '',
      recent = '', previous = '', used_at = now, new = true}
  end
  loaded_resources[name] = resource
  return resource
end

local function keep_resource(name, resource)
  changed_resources[name] = resource
end

local function mark_dirty(name)
  dirty[#dirty + 1] = name
end

-- Members of the ordered set, all of score 0 and so in the order of their bytes:
--   name \1h agent \1 session \1 id   a holder; found by agent and session when a request re-enters
--   name \1w score seq id             a waiter; score and seq have a fixed width, so the first is the next
--   \1 time kind id                   what is forgotten at that time: q a request, s a resource; or b given back, see give_back.lua
local function holder_member(name, request, id)
  return name .. '\1h' .. request.agent .. '\1' .. request.session .. '\1' .. id
end

local function waiter_member(name, request, id)
  return name .. '\1w' .. format('%015d%012d', tonumber(request.score) + 100000000000000, tonumber(request.seq)) .. id
end

local function waiter_id(name, member)
  return sub(member, #name + 30)
end

local function forgotten_member(time, kind, id)
  return format('\1%016d', time) .. kind .. id
end

local function forget_at(time, kind, id)
  call('ZADD', order, '0', forgotten_member(time, kind, id))
end

-- A resource that is new is kept in mind from its first member on: one command for both.
local function add_member(name, resource, member)
  if resource.new then
    resource.new = nil
    call('ZADD', order, '0', member, '0', forgotten_member(now + memory_ms, 's', name))
  else
    call('ZADD', order, '0', member)
  end
end

local function first_waiter(name)
  return call('ZRANGEBYLEX', order, '[' .. name .. '\1w', '(' .. name .. '\1x', 'LIMIT', '0', '1')[1]
end

local function save_resources()
  for name, r in pairs(changed_resources) do
    if r.held == 0 and r.waiting == 0 then
      r.family, r.capacity, r.mode, r.used = '', 0, '', 0
    elseif r.held == 0 then
      r.mode, r.used = '', 0
    end
    if r.new then
      forget_at(now + memory_ms, 's', name)
    end
    call('HSET', resources, name, format('%s\1%d\1%s\1%d\1%d\1%d\1%d\1', r.family, r.capacity, r.mode, r.held, r.used, r.waiting,
      r.rest_ends) .. r.average .. '\1' .. r.recent .. '\1' .. r.previous .. '\1' .. now_text)
  end
end
