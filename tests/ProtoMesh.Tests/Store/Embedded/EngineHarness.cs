using Microsoft.Extensions.Logging;
using ProtoMesh.Server.Store;
using ProtoMesh.Server.Store.Embedded;

namespace ProtoMesh.Tests.Store.Embedded;

/// <summary>Short words for the tests of the engine.</summary>
internal static class EngineHarness
{
    public const string Write = "return redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])";

    /// <summary>Everything that a store holds, as one text.</summary>
    private const string Dump =
        """
        local parts = {}
        for _, name in ipairs({'a', 'b', 'c', 'ü'}) do
          parts[#parts + 1] = redis.call('HGET', KEYS[2], name) or '-'
        end
        for _, text in ipairs(redis.call('ZRANGE', KEYS[4], '0', '-1', 'WITHSCORES')) do
          parts[#parts + 1] = text
        end
        for _, entry in ipairs(redis.call('XRANGE', KEYS[6], '-', '+')) do
          parts[#parts + 1] = entry[1] .. '=' .. table.concat(entry[2], '/')
        end
        for index = 1, #KEYS do
          parts[#parts + 1] = redis.call('TYPE', KEYS[index]).ok
        end
        return table.concat(parts, ' ')
        """;

    public static PartitionKeys Keys { get; } = new(0);

    public static async Task<EmbeddedEngine> InMemoryAsync(TimeProvider? time = null)
    {
        var engine = EmbeddedEngine.InMemory(time ?? TimeProvider.System);
        await engine.StartAsync(CancellationToken.None);
        return engine;
    }

    public static async Task<EmbeddedEngine> OpenAsync(string folder, ILogger<EmbeddedEngine> log, long rotateAt = 32 * 1024 * 1024)
    {
        var engine = new EmbeddedEngine(folder, TimeProvider.System, log, rotateAt);
        await engine.StartAsync(CancellationToken.None);
        return engine;
    }

    /// <summary>Loads a text and runs it on the keys of partition 0.</summary>
    public static async Task<Reply> RunAsync(this IStoreEngine engine, string text, params string[] arguments)
    {
        await engine.LoadAsync(0, [text], CancellationToken.None);
        return await engine.RunAsync(Script.Sha(text), Keys, arguments, CancellationToken.None);
    }

    public static async Task<string> DumpAsync(this IStoreEngine engine) => (await engine.RunAsync(Dump)).Text;
}

/// <summary>A new folder that is gone after the test, and what was logged while it was used.</summary>
public sealed class TemporaryFolder : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("protomesh-store-");

    public string Path => _folder.FullName;

    public string Store => System.IO.Path.Combine(Path, "store");

    public string In(string name) => System.IO.Path.Combine(Store, name);

    /// <summary>The same files somewhere else, as a copy made at this moment would have them.</summary>
    public TemporaryFolder Copy()
    {
        var copy = new TemporaryFolder();
        Directory.CreateDirectory(copy.Store);
        foreach (var file in Directory.EnumerateFiles(Store).Where(file => System.IO.Path.GetFileName(file) != "lock"))
        {
            using var from = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            using var to = File.Create(copy.In(System.IO.Path.GetFileName(file)));
            from.CopyTo(to);
        }

        return copy;
    }

    public void Dispose() => _folder.Delete(recursive: true);
}

/// <summary>Keeps what was logged.</summary>
internal sealed class LogLines : ILogger<EmbeddedEngine>
{
    public List<string> Lines { get; } = [];

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, Microsoft.Extensions.Logging.EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        lock (Lines)
        {
            Lines.Add($"{logLevel} {formatter(state, exception)}");
        }
    }
}
