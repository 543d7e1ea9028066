using System.Globalization;
using ProtoMesh.Server.Store;

namespace ProtoMesh.Server.Journal;

/// <summary>An event as it lies in the outbox.</summary>
internal readonly record struct OutboxEvent(EventId Id, string Text);

/// <summary>What one read of a partition's outbox brought.</summary>
/// <param name="StoreId">The identity of the partition, so that two stores cannot fill one journal.</param>
/// <param name="Epoch">The partition's epoch.</param>
/// <param name="NowMs">The store's time.</param>
/// <param name="Newest">The counter of the newest event, read or not.</param>
/// <param name="Events">In order.</param>
internal sealed record OutboxBatch(int Partition, string StoreId, long Epoch, long NowMs, long Newest, IReadOnlyList<OutboxEvent> Events);

/// <summary>Reads outboxes through <c>read.lua</c>.</summary>
internal sealed class Outbox(ScriptStore store)
{
    /// <summary>How long a replica stays the one that reads; another takes over that long after it died.</summary>
    private const string LeaseMs = "2000";
    private static readonly Script Read = Script.Named("Journal/Lua/read.lua");

    /// <summary>The embedded store has one process, which after a restart is its own successor.</summary>
    private readonly string _consumer = store.Engine.Kind == "embedded" ? "embedded" : Guid.CreateVersion7().ToString("N");

    /// <summary>Drops what is committed and returns what follows; null when another replica reads this partition now.</summary>
    public async Task<OutboxBatch?> ReadAsync(int partition, EventId committed, int limit, CancellationToken cancellationToken)
    {
        var reply = await RunAsync(partition, LeaseMs, committed, limit, cancellationToken);
        if (reply[0].Text != "ok")
        {
            return null;
        }

        var items = reply.Items;
        var events = new List<OutboxEvent>((items.Length - 5) / 2);
        for (var at = 5; at < items.Length; at += 2)
        {
            events.Add(new OutboxEvent(EventId.Parse(items[at].Text), items[at + 1].Text));
        }

        return new OutboxBatch(partition, reply[1].Text, reply[2].Number, reply[3].Number, reply[4].Number, events);
    }

    /// <summary>Lets another replica read at once, for a graceful stop.</summary>
    public async Task LeaveAsync(int partition, EventId committed, CancellationToken cancellationToken) =>
        await RunAsync(partition, "0", committed, 1, cancellationToken);

    private ValueTask<Reply> RunAsync(int partition, string leaseMs, EventId committed, int limit, CancellationToken cancellationToken) =>
        store.RunAsync(Read, partition,
            [store.ChannelOf(partition), _consumer, leaseMs, committed == EventId.None ? "" : committed.ToString(),
                limit.ToString(CultureInfo.InvariantCulture)], cancellationToken);
}
