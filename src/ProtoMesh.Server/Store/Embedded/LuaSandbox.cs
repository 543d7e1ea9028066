namespace ProtoMesh.Server.Store.Embedded;

/// <summary>What scripts can see: the part of Redis' sandbox that means the same in Lua 5.1 and in Lua 5.4.</summary>
internal static class LuaSandbox
{
    /// <summary>
    /// Gets the function that runs a command, which returns its reply, or nil and an error. Returns the environment of
    /// scripts, the table <c>redis</c>, and the function that describes an error.
    /// </summary>
    /// <remarks>
    /// Errors are raised here and not in the host: Lua leaves a function by a long jump, which must not cross managed frames.
    /// Tables are read-only by being empty in front of the real ones, as a table's own fields cannot be guarded.
    /// </remarks>
    public const string Text =
        """
        local run = ...
        local error, setmetatable, type, tostring = error, setmetatable, type, tostring

        local function refuse_write(_, name)
          error('Attempt to modify a readonly table: ' .. tostring(name), 2)
        end

        local function read_only(content, missing)
          if missing then
            setmetatable(content, {__index = missing})
          end
          return setmetatable({}, {__index = content, __newindex = refuse_write, __metatable = false})
        end

        local function pick(source, names)
          local picked = {}
          for name in string.gmatch(names, '%S+') do
            picked[name] = source[name]
          end
          return picked
        end

        local redis = {}

        function redis.call(...)
          local reply, failure = run(...)
          if failure then
            error({err = failure}, 0)
          end
          return reply
        end

        function redis.pcall(...)
          local reply, failure = run(...)
          if failure then
            return {err = failure}
          end
          return reply
        end

        function redis.status_reply(text)
          return {ok = text}
        end

        function redis.error_reply(text)
          return {err = string.find(text, '^%-') and string.sub(text, 2) or string.find(text, ' ', 1, true) and text or 'ERR ' .. text}
        end

        local globals = pick(_G, [[
          assert error ipairs next pairs pcall rawequal rawget select setmetatable tonumber tostring type xpcall]])
        globals.unpack = table.unpack
        globals.redis = read_only(redis)
        globals.string = read_only(pick(string, 'byte char find format gmatch gsub len lower match rep reverse sub upper'))
        globals.table = read_only(pick(table, 'concat insert remove sort unpack'))
        globals.math = read_only(pick(math, 'abs ceil cos deg exp floor fmod huge log max min modf pi rad sin sqrt tan'))
        getmetatable('').__metatable = false

        local function describe(failure)
          local text = type(failure) == 'table' and failure.err or failure
          return debug.traceback(tostring(text), 2)
        end

        collectgarbage('incremental', 400)
        return read_only(globals, function(_, name)
          error("Script attempted to access nonexistent global variable '" .. tostring(name) .. "'", 2)
        end), globals.redis, describe
        """;
}
