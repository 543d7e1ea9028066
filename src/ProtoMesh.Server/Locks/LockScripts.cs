using System.Globalization;
using Microsoft.Extensions.Options;
using ProtoMesh.Server.Access;
using ProtoMesh.Server.Store;

namespace ProtoMesh.Server.Locks;

/// <summary>Calls the lease scripts: one round trip a call. Knows their arguments and replies, and nothing else does.</summary>
internal sealed class LockScripts(ScriptStore store, IOptions<LockOptions> options, NamespaceBook namespaces)
{
    private readonly string _settings = options.Value.ForScripts;

    /// <summary>How many partitions the store has.</summary>
    /// <exception cref="StoreException">It was never reached, so nobody knows yet.</exception>
    public int Partitions => store.Partitions is > 0 and var count ? count : throw StoreException.Unavailable(store.NotStartedBecause);

    /// <summary>What the replicas know of a partition and no caller does.</summary>
    public string SecretOf(int partition) => store.SecretOf(partition);

    public async ValueTask<RequestReply> AcquireAsync(int partition, LockRequest request, CancellationToken cancellationToken) =>
        RequestReply.Of(partition, await RunAsync(Names.Acquire, partition, ArgumentsOf(request), cancellationToken));

    /// <summary>Submits a request and takes what its action requires, in one step. The reply is the script's: <c>refused</c> or <c>done</c>, then the requirements.</summary>
    public ValueTask<Reply> AcquireObligedAsync(int partition, LockRequest request, string taker, string[] obligations, CancellationToken cancellationToken) =>
        RunAsync(Names.AcquireObliged, partition, [.. ArgumentsOf(request), taker, .. obligations], cancellationToken);

    public async ValueTask<RequestReply> ConsiderAsync(int partition, LockRequest request, CancellationToken cancellationToken) =>
        RequestReply.Of(partition, await RunAsync(Names.Consider, partition, ArgumentsOf(request), cancellationToken));

    /// <param name="id">Whose poll it is.</param>
    /// <param name="asked">The policies were asked again: a grant that waits for that is claimed.</param>
    /// <param name="guard">Whose leases the caller may keep; empty for anybody's. In the other calls too.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async ValueTask<RequestReply> WaitAsync(LockId id, bool asked, string guard, CancellationToken cancellationToken) =>
        RequestReply.Of(id.Partition, await RunAsync(Names.Wait, id.Partition, [id.RequestId, asked ? "1" : "", guard], cancellationToken));

    public async ValueTask<RequestReply> CancelAsync(LockId id, string cause, string guard, CancellationToken cancellationToken) =>
        RequestReply.Of(id.Partition, await RunAsync(Names.Cancel, id.Partition, [id.RequestId, cause, guard], cancellationToken));

    public async ValueTask<(RequestReply Reply, IReadOnlyList<string> NextAgents)> ReleaseAsync(
        LockId id, long token, string note, string guard, CancellationToken cancellationToken)
    {
        var reply = await RunAsync(Names.Release, id.Partition, [id.RequestId, Text(token), note, guard], cancellationToken);
        return (RequestReply.Of(id.Partition, reply), [.. reply[4].Items.Select(item => item.Text)]);
    }

    public async ValueTask<IReadOnlyList<RenewReply>> RenewAsync(
        int partition, IEnumerable<(string RequestId, long Token, long? TtlMs, string? Progress)> renewals, string guard, CancellationToken cancellationToken)
    {
        var arguments = renewals.SelectMany(renewal => new[]
        {
            renewal.RequestId, Text(renewal.Token), renewal.TtlMs is { } ttl ? Text(ttl) : "", renewal.Progress ?? "",
        });
        var reply = await RunAsync(Names.Renew, partition, [.. arguments, guard], cancellationToken);
        return [.. reply.Items.Select(item => new RenewReply(RequestReply.Of(partition, item), (int)item[4].Number, item[5].Text is { Length: > 0 } top ? int.Parse(top, CultureInfo.InvariantCulture) : null))];
    }

    public async ValueTask<RequestReply> TransferAsync(
        LockId id, long token, string successor, string digest, string toAgentId, string toSessionId, string guard, CancellationToken cancellationToken) =>
        RequestReply.Of(id.Partition, await RunAsync(
            Names.Transfer, id.Partition, [id.RequestId, Text(token), successor, digest, toAgentId, toSessionId, guard], cancellationToken));

    public async ValueTask<RequestReply> ReprioritizeAsync(LockId id, int priority, string guard, CancellationToken cancellationToken) =>
        RequestReply.Of(id.Partition, await RunAsync(Names.Reprioritize, id.Partition, [id.RequestId, Text(priority), guard], cancellationToken));

    public async ValueTask<ForceReleaseReply> ForceReleaseAsync(
        int partition, ResourceName name, string reason, bool immediate, CancellationToken cancellationToken)
    {
        var reply = await RunAsync(Names.ForceRelease, partition, [name.Full, reason, immediate ? "1" : "0"], cancellationToken);
        return new ForceReleaseReply(reply[1].Number, reply[2].Number, (int)reply[3].Number, Records(partition, reply.Items.AsSpan(4)));
    }

    public async ValueTask<(RequestReply Reply, IReadOnlyList<KnownRequest> Ahead)> ReadAsync(LockId id, int ahead, CancellationToken cancellationToken)
    {
        var reply = await RunAsync(Names.Read, id.Partition, [id.RequestId, Text(ahead)], cancellationToken);
        return (RequestReply.Of(id.Partition, reply[0]), Records(id.Partition, reply[1].Items));
    }

    /// <summary>Live requests between two bounds of the ordered set; <c>Member</c> is where the next page goes on.</summary>
    public async ValueTask<(long Now, IReadOnlyList<(string Member, KnownRequest Request)> Entries)> ListAsync(
        int partition, string from, string to, int limit, CancellationToken cancellationToken)
    {
        var reply = await RunAsync(Names.List, partition, [from, to, Text(limit)], cancellationToken);
        var entries = new List<(string, KnownRequest)>();
        for (var index = 2; index < reply.Items.Length; index += 3)
        {
            entries.Add((reply[index].Text, new KnownRequest(new LockId(reply[index + 1].Text, partition), LockRecord.Parse(reply[index + 2].Text))));
        }

        return (reply[1].Number, entries);
    }

    public async ValueTask<(long Now, IReadOnlyList<ResourceReply> Resources)> ResourcesAsync(
        int partition, string from, int limit, CancellationToken cancellationToken)
    {
        var reply = await RunAsync(Names.Resources, partition, [from, Text(limit)], cancellationToken);
        var resources = new List<ResourceReply>();
        for (var index = 2; index < reply.Items.Length; index += 4)
        {
            var record = ResourceRecord.Parse(ResourceName.FromStore(reply[index].Text), reply[index + 1].Text);
            resources.Add(new ResourceReply(record, One(partition, reply[index + 2]), One(partition, reply[index + 3])));
        }

        return (reply[1].Number, resources);
    }

    public async ValueTask<(long Now, ResourceRecord? Record)> ResourceAsync(int partition, ResourceName name, CancellationToken cancellationToken)
    {
        var (now, resources) = await ResourcesAsync(partition, $"[{name.Full}\u0001", 1, cancellationToken);
        return (now, resources is [var found] && found.Record.Name == name ? found.Record : null);
    }

    public async ValueTask<string> FenceAsync(int partition, ResourceName name, long token, CancellationToken cancellationToken) =>
        (await RunAsync(Names.Fence, partition, [name.Full, Text(token)], cancellationToken))[0].Text;

    /// <summary>Keeps waiters alive; returns those that do not wait any more.</summary>
    public async ValueTask<IReadOnlyList<string>> TouchAsync(
        int partition, IEnumerable<(string RequestId, long WaitEnds)> waiters, CancellationToken cancellationToken)
    {
        var reply = await RunAsync(Names.Touch, partition, [.. waiters.SelectMany(waiter => new[] { waiter.RequestId, Text(waiter.WaitEnds) })], cancellationToken);
        return [.. reply.Items.Skip(1).Select(item => item.Text)];
    }

    /// <summary>Ends what is due; tells how long until something is due again, whether more is due at once, and what other partitions have to give back.</summary>
    public async ValueTask<(long DueInMs, bool More, IReadOnlyList<UnusedReservation> Unused)> TickAsync(int partition, CancellationToken cancellationToken)
    {
        var reply = await RunAsync(Names.Tick, partition, [], cancellationToken);
        var unused = reply.Items.Skip(4).Select(item => item.Text.Split('\u0004')).Select(parts => new UnusedReservation(parts[0], parts[1], parts[2]));
        return (reply[2].Number - reply[1].Number, reply[3].Number == 1, [.. unused]);
    }

    private string[] ArgumentsOf(LockRequest request) =>
    [
        request.RequestId, request.Digest, request.Names, request.AgentId, request.SessionId, Text(request.Priority), Text(request.TtlMs),
        Text(request.WaitMs), Text(request.MaxHoldMs), Text(request.DrainMs), request.Flags, request.Payload.ToStore(),
        namespaces.Of(request.Wants[0].Name.Namespace).ForScripts,
    ];

    private static KnownRequest[] Records(int partition, ReadOnlySpan<Reply> items)
    {
        var found = new KnownRequest[items.Length / 2];
        for (var index = 0; index < found.Length; index++)
        {
            found[index] = new KnownRequest(new LockId(items[2 * index].Text, partition), LockRecord.Parse(items[2 * index + 1].Text));
        }

        return found;
    }

    private static KnownRequest? One(int partition, Reply pair) => Records(partition, pair.Items) is [var only] ? only : null;

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    private ValueTask<Reply> RunAsync(Script script, int partition, string[] arguments, CancellationToken cancellationToken) =>
        store.RunAsync(script, partition, [store.ChannelOf(partition), _settings, .. arguments], cancellationToken);

    private static class Names
    {
        public static readonly Script Acquire = Script.Named("Locks/Lua/acquire.lua");
        public static readonly Script AcquireObliged = Script.Named("Locks/Lua/acquire_obliged.lua");
        public static readonly Script Consider = Script.Named("Locks/Lua/consider.lua");
        public static readonly Script Wait = Script.Named("Locks/Lua/wait.lua");
        public static readonly Script Touch = Script.Named("Locks/Lua/touch.lua");
        public static readonly Script Renew = Script.Named("Locks/Lua/renew.lua");
        public static readonly Script Release = Script.Named("Locks/Lua/release.lua");
        public static readonly Script Cancel = Script.Named("Locks/Lua/cancel.lua");
        public static readonly Script Transfer = Script.Named("Locks/Lua/transfer.lua");
        public static readonly Script Reprioritize = Script.Named("Locks/Lua/reprioritize.lua");
        public static readonly Script ForceRelease = Script.Named("Locks/Lua/force_release.lua");
        public static readonly Script Tick = Script.Named("Locks/Lua/tick.lua");
        public static readonly Script Read = Script.Named("Locks/Lua/read.lua");
        public static readonly Script List = Script.Named("Locks/Lua/list.lua");
        public static readonly Script Resources = Script.Named("Locks/Lua/resources.lua");
        public static readonly Script Fence = Script.Named("Locks/Lua/fence.lua");
    }
}
