using System.Text.Json.Nodes;
using ProtoMesh.Tests.Rig;
using StackExchange.Redis;

namespace ProtoMesh.Tests.Legacy;

/// <summary>An agent that speaks as the first version's client does: it asks once and, when it is queued, subscribes only then.</summary>
internal sealed class LegacyAgent(MeshServer server, string name, ISubscriber? redis = null)
{
    public string Name => name;

    /// <param name="resource"><c>type/id</c>, cut at the first slash.</param>
    public async Task<JsonObject> AcquireAsync(string resource, long priority = 5, long? ttl = null)
    {
        var (type, id) = Split(resource);
        var body = new JsonObject { ["resource_type"] = type, ["resource_id"] = id, ["agent_id"] = name, ["priority"] = priority };
        if (ttl is not null)
        {
            body["ttl"] = ttl;
        }

        return await SendAsync("/v1/locks/acquire", body);
    }

    public Task<JsonObject> ReleaseAsync(string lockId) => SendAsync("/v1/locks/release", new JsonObject { ["lock_id"] = lockId, ["agent_id"] = name });

    public async Task<string> CancelAsync(string resource)
    {
        var (type, id) = Split(resource);
        var answer = await SendAsync("/v1/locks/cancel", new JsonObject { ["resource_type"] = type, ["resource_id"] = id, ["agent_id"] = name });
        Assert.Equal("cancelled", (string?)answer["status"]);
        return (string)answer["detail"]!;
    }

    public async Task<JsonObject> StatusAsync(string lockId) => (await server.GetAsync($"/v1/locks/{lockId}/status")).Body;

    public Task IsActiveAsync(string lockId) =>
        Eventually.HoldsAsync(async () => (string?)(await StatusAsync(lockId))["status"] == "active", $"{name} holds {lockId}");

    public Task IsOverAsync(string lockId) =>
        Eventually.HoldsAsync(async () => (string?)(await StatusAsync(lockId))["status"] == "expired", $"{lockId} is over");

    /// <summary>Acquires, and waits for its message when it is queued; returns the lock's id as the message has it.</summary>
    public async Task<string> HoldAsync(string resource, long priority = 5, TimeSpan? deafFor = null, Action? queued = null)
    {
        var answer = await AcquireAsync(resource, priority);
        if ((string?)answer["status"] == "queued")
        {
            queued?.Invoke();
            await Task.Delay(deafFor ?? TimeSpan.Zero);
            return await HearAsync(resource);
        }

        Assert.Equal("acquired", (string?)answer["status"]);
        return (string)answer["lock_id"]!;
    }

    /// <summary>Subscribes now and returns the lock's id of the first message that begins with this agent's name.</summary>
    public async Task<string> HearAsync(string resource, TimeSpan? patience = null)
    {
        var (type, id) = Split(resource);
        var channel = new RedisChannel($"lock_granted:lock:{type}:{id}", RedisChannel.PatternMode.Literal);
        var heard = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        await redis!.SubscribeAsync(channel, Take);
        try
        {
            return await heard.Task.WaitAsync(patience ?? TimeSpan.FromSeconds(20));
        }
        finally
        {
            await redis.UnsubscribeAsync(channel, Take);
        }

        void Take(RedisChannel from, RedisValue message)
        {
            string text = message!;
            if (text.StartsWith($"{name}:", StringComparison.Ordinal))
            {
                heard.TrySetResult(text[(name.Length + 1)..]);
            }
        }
    }

    private static (string Type, string Id) Split(string resource) => resource.Split('/', 2) is [var type, var id] ? (type, id) : throw new ArgumentException(resource);

    private async Task<JsonObject> SendAsync(string path, JsonObject body)
    {
        var answer = await server.PostAsync(path, body);
        Assert.True(answer.Status == 200, $"{path} {body.ToJsonString()}: {answer}");
        return answer.Body;
    }
}

/// <summary>A Redis of its own with one or more services on it, which share a database.</summary>
internal sealed class LegacyTown : IAsyncDisposable
{
    private readonly TempFolder _folder = new("legacy");
    private readonly List<MeshServer> _servers = [];
    private (string, string)[] _settings = [];
    private ConnectionMultiplexer? _connection;

    public required RedisServer Redis { get; init; }

    public MeshServer Server => _servers[0];

    public ISubscriber Subscriber => _connection!.GetSubscriber();

    public static async Task<LegacyTown> OpenAsync(params (string, string)[] settings)
    {
        var town = new LegacyTown { Redis = await RedisServer.StartAsync() };
        town._settings =
        [
            ("ConnectionStrings:Redis", town.Redis.ConnectionString),
            ("ConnectionStrings:Database", $"Data Source={Path.Combine(town._folder.Path, "protomesh.db")}"), .. settings,
        ];
        town._connection = await ConnectionMultiplexer.ConnectAsync(town.Redis.ConnectionString);
        await town.AddServerAsync();
        return town;
    }

    public async Task<MeshServer> AddServerAsync()
    {
        _servers.Add(await MeshServer.StartAsync(_settings));
        return _servers[^1];
    }

    public LegacyAgent Agent(string name, MeshServer? server = null) => new(server ?? Server, name, Subscriber);

    /// <summary>Moves the store's time, as a stepped clock would; everything that is due ends at once.</summary>
    public async Task ForwardAsync(TimeSpan by) => await Redis.SendAsync("HINCRBY", "protomesh:{p0}:meta", "offset", $"{(long)by.TotalMicroseconds}");

    public async ValueTask DisposeAsync()
    {
        _connection!.Dispose();
        foreach (var server in _servers)
        {
            await server.DisposeAsync();
        }

        await Redis.DisposeAsync();
        _folder.Dispose();
    }
}
