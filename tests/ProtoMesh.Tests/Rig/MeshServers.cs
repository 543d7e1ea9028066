namespace ProtoMesh.Tests.Rig;

/// <summary>
/// Services that many tests share, each on a store of its own kind: started when first needed, kept for the whole run.
/// </summary>
/// <remarks>A test uses resources of its own names; one that stops, kills or counts starts a server of its own instead.</remarks>
internal static class MeshServers
{
    public const string Embedded = "embedded";
    public const string Redis = "redis";
    private static readonly Lazy<Task<MeshServer>> OnEmbedded = new(() => MeshServer.StartAsync());
    private static readonly Lazy<Task<MeshServer>> OnRedis = new(async () =>
    {
        var redis = await RedisServer.StartAsync();
        return await MeshServer.StartAsync(("ConnectionStrings:Redis", redis.ConnectionString));
    });

    public static Task<MeshServer> GetAsync(string store) => store == Redis ? OnRedis.Value : OnEmbedded.Value;

    /// <summary>A resource that no other test names.</summary>
    public static string NewResource(string type = "test") => $"{type}/{Guid.NewGuid():N}";
}

/// <summary><c>[Theory, ClassData(typeof(ServedStores))]</c>.</summary>
public sealed class ServedStores : TheoryData<string>
{
    public ServedStores() => AddRange(MeshServers.Embedded, MeshServers.Redis);
}
