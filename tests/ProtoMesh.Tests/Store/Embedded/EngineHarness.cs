using ProtoMesh.Server.Store;
using ProtoMesh.Server.Store.Embedded;

namespace ProtoMesh.Tests.Store.Embedded;

/// <summary>Short words for the tests of the engine.</summary>
internal static class EngineHarness
{
    public static PartitionKeys Keys { get; } = new(0);

    public static async Task<EmbeddedEngine> InMemoryAsync(TimeProvider? time = null)
    {
        var engine = EmbeddedEngine.InMemory(time ?? TimeProvider.System);
        await engine.StartAsync(CancellationToken.None);
        return engine;
    }

    /// <summary>Loads a text and runs it on the keys of partition 0.</summary>
    public static async Task<Reply> RunAsync(this IStoreEngine engine, string text, params string[] arguments)
    {
        await engine.LoadAsync(0, [text], CancellationToken.None);
        return await engine.RunAsync(Script.Sha(text), Keys, arguments, CancellationToken.None);
    }
}
