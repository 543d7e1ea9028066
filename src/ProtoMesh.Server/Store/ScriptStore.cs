using Microsoft.Extensions.Options;

namespace ProtoMesh.Server.Store;

/// <summary>What is known of a partition before any lease script may touch it.</summary>
internal sealed record PartitionState(int Partition, bool Exists, string StoreId, long Epoch, int Partitions, string GroupBy, long LastToken, EventId LastEvent)
{
    /// <summary>Whether nothing is missing that was there before: what was compared is what the scripts were loaded into.</summary>
    public bool Continues(PartitionState before, long epoch) =>
        Exists && StoreId == before.StoreId && Epoch == epoch && LastToken >= before.LastToken && LastEvent >= before.LastEvent;
}

/// <summary>Whether a partition may be opened, and above which token it has to continue.</summary>
internal abstract record Verdict
{
    /// <summary>Nothing is missing.</summary>
    internal sealed record Open(long TokenFloor, string? Remark = null) : Verdict;

    /// <summary>Opening it now could hand out what somebody else holds.</summary>
    internal sealed record StayClosed(string Reason) : Verdict;
}

/// <summary>Compares a partition with the journal. The Journal room implements it.</summary>
internal interface IRecoveryCheck
{
    /// <param name="partition">Which partition.</param>
    /// <param name="inspect">
    /// Reads the partition. Call it after the journal was read: other replicas write meanwhile, and only what is read first
    /// can never seem ahead of what is read second.
    /// </param>
    /// <param name="cancellationToken">Gives up.</param>
    Task<Verdict> CompareAsync(int partition, Func<CancellationToken, Task<PartitionState>> inspect, CancellationToken cancellationToken);
}

/// <summary>
/// Runs scripts by SHA. A partition is closed until <see cref="RecoverAsync"/> has compared it with the journal and
/// loaded the scripts; NOSCRIPT closes it again. There is no other way to a loaded script.
/// </summary>
internal sealed partial class ScriptStore(
    IStoreEngine engine, IRecoveryCheck check, IOptions<StoreOptions> options, TimeProvider time, ILogger<ScriptStore> log) : IAsyncDisposable
{
    private static readonly Script Inspect = Script.Named("Store/Lua/inspect.lua");
    private static readonly Script OpenPartition = Script.Named("Store/Lua/open.lua");
    private readonly SemaphoreSlim _recovering = new(1, 1);
    /// <summary>How long a caller waits for its turn to recover; a check may hang on a database that is silent.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);
    private Partition[] _partitions = [];

    public IStoreEngine Engine => engine;

    /// <summary>How many partitions the store has; fixed when it is first used.</summary>
    public int Partitions => _partitions.Length;

    public IReadOnlyList<PartitionKeys> Keys => [.. _partitions.Select(partition => partition.Keys)];

    /// <summary>Where scripts publish hints about a partition.</summary>
    public string ChannelOf(int partition) => (uint)partition < (uint)_partitions.Length ? _partitions[partition].Keys.Channel : "";

    /// <summary>
    /// Something that every replica knows of a partition and no caller is ever told. Another store has another one.
    /// </summary>
    /// <exception cref="StoreException">The partition is not open.</exception>
    public string SecretOf(int partition) => (uint)partition < (uint)_partitions.Length && _partitions[partition].StoreId is { } id
        ? id : throw StoreException.Recovering(ClosedBecause ?? "The store is being compared with the journal.");

    /// <summary>True once every partition is open.</summary>
    public bool IsOpen => _partitions.Length > 0 && _partitions.All(partition => partition.Scripts is not null);

    /// <summary>Why a partition is closed, for <c>/health</c>.</summary>
    public string? ClosedBecause => _partitions.Select(partition => partition.ClosedBecause).FirstOrDefault(reason => reason is not null);

    /// <summary>Why there are no partitions yet, in a sentence.</summary>
    public string NotStartedBecause { get; private set; } = "The store is being connected.";

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        try
        {
            await engine.StartAsync(cancellationToken);
        }
        catch (StoreException failure)
        {
            NotStartedBecause = failure.Message;
            throw;
        }

        var count = options.Value.Partitions ?? engine.DefaultPartitions;
        _partitions = [.. Enumerable.Range(0, count).Select(index => new Partition(new PartitionKeys(index)))];
    }

    public async ValueTask<Reply> RunAsync(Script script, int partition, string[] arguments, CancellationToken cancellationToken)
    {
        if ((uint)partition >= (uint)_partitions.Length)
        {
            throw StoreException.Unavailable(NotStartedBecause);
        }

        var target = _partitions[partition];
        for (var attempt = 0; ; attempt++)
        {
            var scripts = target.Scripts ?? await RecoverAsync(target, cancellationToken);
            try
            {
                return await engine.RunAsync(scripts[script.Name], target.Keys, arguments, cancellationToken);
            }
            catch (NoScriptException) when (attempt < 2)
            {
                // The node restarted, was promoted or lost its cache: what it holds must be compared before it is used.
                Interlocked.CompareExchange(ref target.Scripts, null, scripts);
            }
        }
    }

    /// <summary>Opens every partition, or throws why one cannot be opened.</summary>
    public async Task OpenAsync(CancellationToken cancellationToken)
    {
        foreach (var partition in _partitions)
        {
            if (partition.Scripts is null)
            {
                await RecoverAsync(partition, cancellationToken);
            }
        }
    }

    public ValueTask DisposeAsync()
    {
        _recovering.Dispose();
        return engine.DisposeAsync();
    }

    private async Task<IReadOnlyDictionary<string, byte[]>> RecoverAsync(Partition partition, CancellationToken cancellationToken)
    {
        if (!await _recovering.WaitAsync(Patience, cancellationToken))
        {
            throw StoreException.Recovering(partition.ClosedBecause ?? "The store is being compared with the journal.");
        }

        try
        {
            if (partition.Scripts is { } open)
            {
                return open;
            }

            var now = time.GetTimestamp();
            if (partition.ClosedBecause is { } reason && time.GetElapsedTime(partition.CheckedAt, now) < TimeSpan.FromSeconds(1))
            {
                throw StoreException.Recovering(reason);
            }

            return partition.Scripts = await CheckAsync(partition, cancellationToken);
        }
        finally
        {
            _recovering.Release();
        }
    }

    /// <summary>Only a check that took place starts the pause before the next: callers that are turned away must not prolong it.</summary>
    private async Task<IReadOnlyDictionary<string, byte[]>> CheckAsync(Partition partition, CancellationToken cancellationToken)
    {
        try
        {
            var scripts = await CompareAndLoadAsync(partition, cancellationToken);
            partition.ClosedBecause = null;
            return scripts;
        }
        catch (StoreException failure) when (failure is { Code: "store_recovering" })
        {
            partition.ClosedBecause = failure.Message;
            partition.CheckedAt = time.GetTimestamp();
            throw;
        }
    }

    private async Task<IReadOnlyDictionary<string, byte[]>> CompareAndLoadAsync(Partition partition, CancellationToken cancellationToken)
    {
        var keys = partition.Keys;
        var openText = OpenPartition.Text(0, keys.Partition);
        await engine.LoadAsync(keys.Partition, [Inspect.Text(0, keys.Partition), openText], cancellationToken);
        PartitionState? inspected = null;
        var compared = await check.CompareAsync(
            keys.Partition, async inspecting => inspected = await InspectAsync(keys, inspecting), cancellationToken);
        switch (compared)
        {
            case Verdict.StayClosed closed:
                throw StoreException.Recovering(closed.Reason);
            case Verdict.Open verdict:
                if (verdict.Remark is { } remark)
                {
                    LogRemark(log, keys.Partition, remark);
                }

                var state = inspected ?? await InspectAsync(keys, cancellationToken);
                var epoch = state.Exists ? state.Epoch : 1;
                var opened = await engine.RunAsync(Script.Sha(openText), keys,
                    [keys.Channel, state.StoreId, $"{epoch}", $"{_partitions.Length}", options.Value.GroupBy, $"{verdict.TokenFloor}"], cancellationToken);
                if (opened[0].Text != "ok")
                {
                    throw StoreException.Recovering("Another replica opened the store differently at the same moment; this one tries again.");
                }

                var texts = Script.All.Values.ToDictionary(script => script.Name, script => script.Text(epoch, keys.Partition), StringComparer.Ordinal);
                await engine.LoadAsync(keys.Partition, [.. texts.Values], cancellationToken);
                if (!(await InspectAsync(keys, cancellationToken)).Continues(state, epoch))
                {
                    throw StoreException.Recovering("The store has become another while it was compared with the journal, as after a failover; it is compared again.");
                }

                partition.StoreId = state.StoreId;
                LogOpened(log, keys.Partition, epoch, engine.Kind);
                return texts.ToDictionary(text => text.Key, text => Script.Sha(text.Value), StringComparer.Ordinal);
            default:
                throw new InvalidOperationException("A recovery check has two verdicts.");
        }
    }

    private async Task<PartitionState> InspectAsync(PartitionKeys keys, CancellationToken cancellationToken)
    {
        var state = StateOf(keys.Partition, await engine.RunAsync(Script.Sha(Inspect.Text(0, keys.Partition)), keys, [keys.Channel], cancellationToken));
        if (state.Exists && (state.Partitions != _partitions.Length || state.GroupBy != options.Value.GroupBy))
        {
            throw StoreException.Recovering(
                $"The store was first used with Store:Partitions={state.Partitions} and Store:GroupBy={state.GroupBy}; " +
                $"this service is set to {_partitions.Length} and {options.Value.GroupBy}. Use the same settings, or an empty store.");
        }

        return state;
    }

    /// <summary>A store that is new gets its identity here, so that two replicas that open it at once agree on the first.</summary>
    private static PartitionState StateOf(int partition, Reply reply) => reply[0].Text == "empty"
        ? new PartitionState(partition, false, Guid.CreateVersion7().ToString("N"), 0, 0, "", 0, EventId.None)
        : new PartitionState(partition, true, reply[1].Text, reply[2].Number, (int)reply[3].Number, reply[4].Text, reply[5].Number, EventId.Parse(reply[6].Text));

    [LoggerMessage(1001, LogLevel.Information, "Partition {Partition} of the {Kind} store is open at epoch {Epoch}.")]
    private static partial void LogOpened(ILogger log, int partition, long epoch, string kind);

    [LoggerMessage(1002, LogLevel.Warning, "Partition {Partition}: {Remark}")]
    private static partial void LogRemark(ILogger log, int partition, string remark);

    private sealed class Partition(PartitionKeys keys)
    {
        public readonly PartitionKeys Keys = keys;
        public volatile IReadOnlyDictionary<string, byte[]>? Scripts;
        public volatile string? StoreId;
        public volatile string? ClosedBecause;
        public long CheckedAt;
    }
}
