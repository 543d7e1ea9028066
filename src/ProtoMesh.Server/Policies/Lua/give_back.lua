-- Gives back the places that an id took, because what it took them for was refused.
-- KEYS: 1 meta, 2 resources, 3 requests, 4 order, 5 deadlines, 6 events, 7 rates, 8 budgets
-- ARGV: 1 channel, 2 the id, 3 the time at which it took them (ms), then each key and its window ms
-- Returns: {'ok'}
--@include Policies/Lua/_lib/rates.lua
begin()
for index = 4, #ARGV, 2 do
  local taken, key = tonumber(ARGV[3]), ARGV[index]
  drop_place(KEYS[7], 'g' .. fixed(taken + tonumber(ARGV[index + 1])) .. key .. '\1' .. fixed(taken) .. ARGV[2])
end
return {'ok'}
