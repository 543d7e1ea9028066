namespace ProtoMesh.Server.Store;

/// <summary>The fixed set of keys of one partition. All of them are declared in every call and none is ever empty.</summary>
/// <param name="partition">From 0; part of the hash tag, so that a Cluster keeps the set on one node.</param>
internal sealed class PartitionKeys(int partition)
{
    public int Partition { get; } = partition;

    /// <summary>KEYS[1] to KEYS[8]: meta, resources, requests, order, deadlines, events, rates, budgets.</summary>
    public string[] Names { get; } =
        [.. new[] { "meta", "resources", "requests", "order", "deadlines", "events", "rates", "budgets" }.Select(name => $"protomesh:{{p{partition}}}:{name}")];

    /// <summary>The channel on which scripts publish hints about this partition; ARGV[1] of every script.</summary>
    public string Channel { get; } = $"protomesh:{{p{partition}}}:wake";
}
