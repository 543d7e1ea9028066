-- Rates: at most so many places in any window, exactly. One ordered set has all of them, all of score 0, in the order of their bytes:
--   k key \1 time id          a place taken; those of one key in the order of their times
--   i key \1 id               that this id has one
--   g end key \1 time id      the same once more, in the order in which they are forgotten
-- Times have 16 digits; a key has no control characters but \2 and \3, an id none.
--@include Store/Lua/_lib/clock.lua
local function fixed(time)
  return string.format('%016d', time)
end

-- How many places are taken, and when the one was that has to go before another fits.
local function count_places(rates, key, limit, window)
  local from = 'k' .. key .. '\1' .. fixed(now - window + 1)
  local count = redis.call('ZLEXCOUNT', rates, '[' .. from, '(k' .. key .. '\2')
  local oldest = count > 0 and redis.call('ZRANGEBYLEX', rates, '[' .. from, '(k' .. key .. '\2', 'LIMIT', int(math.max(count - limit, 0)), '1')[1]
  return count, oldest and tonumber(string.sub(oldest, #key + 3, #key + 18)) or now
end

local function has_place(rates, key, id)
  return redis.call('ZSCORE', rates, 'i' .. key .. '\1' .. id) ~= false
end

local function take_place(rates, key, id, window)
  local entry = key .. '\1' .. fixed(now) .. id
  redis.call('ZADD', rates, '0', 'k' .. entry, '0', 'i' .. key .. '\1' .. id, '0', 'g' .. fixed(now + window) .. entry)
end

local function drop_place(rates, forgotten)
  local entry = string.sub(forgotten, 18)
  local key, id = string.match(entry, '^([^\1]*)\1' .. string.rep('%d', 16) .. '(.*)$')
  redis.call('ZREM', rates, forgotten, 'k' .. entry, 'i' .. key .. '\1' .. id)
end

-- Forgets some of what is over: more than one call can add, so that nothing piles up.
local function forget_places(rates, limit)
  for _, member in ipairs(redis.call('ZRANGEBYLEX', rates, '[g', '(g' .. fixed(now + 1), 'LIMIT', '0', int(limit))) do
    drop_place(rates, member)
  end
end
