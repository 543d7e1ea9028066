using StackExchange.Redis;

namespace ProtoMesh.Server.Store.Redis;

/// <summary>Finds settings of Redis under which leases could be lost. Says nothing where INFO is forbidden.</summary>
/// <remarks>INFO and not CONFIG: managed services forbid the latter.</remarks>
internal static class RedisWarnings
{
    public static async Task<IReadOnlyList<string>> OfAsync(ConnectionMultiplexer connection, RedisSettings settings, TimeProvider time, CancellationToken cancellationToken)
    {
        var found = new List<(string Node, string Sentence)>();
        var endpoints = connection.GetEndPoints();
        foreach (var server in endpoints.Select(endpoint => connection.GetServer(endpoint)).Where(server => server.IsConnected))
        {
            try
            {
                var info = Parse(await server.InfoRawAsync().WaitAsync(settings.Timeout, time, cancellationToken));
                found.AddRange(Of(info, alone: endpoints.Length == 1).Select(sentence => (RedisSettings.Describe(server.EndPoint), sentence)));
            }
            catch (Exception failure) when (RedisErrors.Translate(failure, settings) is not null)
            {
                // A remark is a courtesy: what cannot be asked is not reported.
            }
        }

        return [.. found.GroupBy(one => one.Sentence, one => one.Node, StringComparer.Ordinal)
            .Select(nodes => $"Redis at {string.Join(", ", nodes)} {nodes.Key}")];
    }

    private static IEnumerable<string> Of(Dictionary<string, string> info, bool alone)
    {
        if (info.GetValueOrDefault("role") == "slave")
        {
            if (alone)
            {
                yield return "is a replica: it takes no writes until it is promoted.";
            }

            yield break;
        }

        if (info.GetValueOrDefault("maxmemory_policy") is { } policy && policy != "noeviction")
        {
            yield return $"evicts keys when its memory is full (maxmemory-policy {policy}), which would lose leases: set it to noeviction.";
        }

        if (info.GetValueOrDefault("aof_enabled") == "0")
        {
            yield return "keeps no append-only file, so its restart loses leases: set appendonly yes.";
        }

        if (Version.TryParse(info.GetValueOrDefault("redis_version"), out var version) && version.Major < 7)
        {
            yield return $"is version {version}: ProtoMesh is made for 7.0 and later.";
        }
    }

    private static Dictionary<string, string> Parse(string? info) => (info ?? "").Split('\n')
        .Select(line => line.Trim().Split(':', 2))
        .Where(parts => parts.Length == 2)
        .DistinctBy(parts => parts[0], StringComparer.Ordinal)
        .ToDictionary(parts => parts[0], parts => parts[1], StringComparer.Ordinal);
}
