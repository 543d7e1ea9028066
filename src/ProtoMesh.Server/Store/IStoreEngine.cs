namespace ProtoMesh.Server.Store;

/// <summary>What a store must be able to do; <see cref="ScriptStore"/> adds opening and recovery on top.</summary>
/// <remarks>Two of them: the embedded keyspace and Redis (single or Cluster). Both run the same scripts.</remarks>
internal interface IStoreEngine : IAsyncDisposable
{
    /// <summary><c>embedded</c> or <c>redis</c>, as told in logs and by <c>/health</c>.</summary>
    string Kind { get; }

    /// <summary>How many partitions a store of this kind gets when it is first used.</summary>
    int DefaultPartitions { get; }

    /// <summary>Connects, or opens the data folder.</summary>
    /// <exception cref="StoreException">It cannot be reached or opened; the message is one sentence for a person.</exception>
    Task StartAsync(CancellationToken cancellationToken);

    /// <summary>Makes scripts known to the node that owns the partition. Called by recovery only.</summary>
    Task LoadAsync(int partition, IReadOnlyCollection<string> texts, CancellationToken cancellationToken);

    /// <summary>Calls a loaded script by its SHA on the partition's keys, in the order of <see cref="PartitionKeys"/>.</summary>
    /// <exception cref="NoScriptException">The node does not know the script.</exception>
    /// <exception cref="StoreException">The store could not run it; whether it ran is then unknown.</exception>
    ValueTask<Reply> RunAsync(byte[] sha, PartitionKeys keys, string[] arguments, CancellationToken cancellationToken);

    /// <summary>Makes everything answered so far survive a power cut, where the store can do that on demand.</summary>
    ValueTask PersistAsync(CancellationToken cancellationToken);

    /// <summary>Registers what is called for each message that a script publishes, and after a lost subscription is back.</summary>
    /// <remarks>Messages only hurry: any of them may be lost.</remarks>
    Task ListenAsync(IReadOnlyList<string> channels, Action<string, string> onMessage, Action onReconnected, CancellationToken cancellationToken);

    /// <summary>Publishes on a channel for listeners outside this service; does nothing where nobody can listen.</summary>
    ValueTask PublishAsync(string channel, string message);

    /// <summary>Remarks for <c>/health</c> and the log, such as an eviction policy that may lose leases.</summary>
    Task<IReadOnlyList<string>> WarningsAsync(CancellationToken cancellationToken);
}
