-- Grants: what people allowed, once or so many times. A use is a place without a window in the ordered set of the rates; it
-- is kept for longer than the grant can be used, so a repetition is known and a second use is not possible.
--@include Policies/Lua/_lib/rates.lua
--@include Journal/Lua/_lib/append.lua

-- Who takes the place of a grant that was revoked; no other id looks like this one.
local REVOKED = 'revoked'

local function uses_of(rates, key)
  return redis.call('ZLEXCOUNT', rates, '[k' .. key .. '\1', '(k' .. key .. '\2')
end

-- For how long the same request is a repetition and no second use: shorter than an ended request for a lease is remembered.
local repeated_ms = 60000

local function used_lately(rates, key, id)
  local uses = has_place(rates, key, id) and
    redis.call('ZRANGEBYLEX', rates, '[k' .. key .. '\1' .. fixed(now - repeated_ms), '(k' .. key .. '\2') or {}
  for _, member in ipairs(uses) do
    if string.sub(member, #key + 19) == id then
      return true
    end
  end
  return false
end

local function judge_grant(rates, key, id, limit, ends)
  local count = uses_of(rates, key)
  local verdict = has_place(rates, key, REVOKED) and 'revoked' or used_lately(rates, key, id) and 'known'
    or count >= limit and 'full' or now >= ends and 'late' or 'free'
  return verdict, limit - count - (verdict == 'free' and 1 or 0)
end

local function take_grant(rates, key, id, forgotten, agent_id, names, extras)
  take_place(rates, key, id, forgotten - now)
  append_event('approval.consumed', now_text, '', '', '', agent_id, '', names, extras, '')
end

-- Gives a use back; false when the id has none.
local function return_grant(rates, key, id, forgotten)
  for _, member in ipairs(redis.call('ZRANGEBYLEX', rates, '[k' .. key .. '\1', '(k' .. key .. '\2')) do
    if string.sub(member, #key + 19) == id then
      drop_place(rates, 'g' .. fixed(forgotten) .. string.sub(member, 2))
      return true
    end
  end
  return false
end
