using System.Globalization;
using ProtoMesh.Contracts.Policies;
using ProtoMesh.Server.Store;

namespace ProtoMesh.Server.Locks;

/// <summary>A request that the store knows.</summary>
internal sealed record KnownRequest(LockId Id, LockRecord Record);

/// <summary>What <c>describe()</c> of <c>Lua/_lib/replies.lua</c> returns. <see cref="Now"/> is the store's clock in ms.</summary>
internal sealed record RequestReply(string Tag, long Now, LockId Id, LockRecord? Record)
{
    /// <summary>What was decided by this very call, with more than the record keeps of it.</summary>
    public PolicyStamp? Decision { get; init; }

    /// <summary>How many are ahead in the longest of its queues; of a queued request.</summary>
    public int Before { get; private init; }

    public int QueueLength { get; private init; }

    /// <summary>How long a hold of that resource usually lasts, when there was one.</summary>
    public long? UsualHoldMs { get; private init; }

    /// <summary>Until when a resource of the request rests, 0 for not at all.</summary>
    public long RestEnds { get; private init; }

    public IReadOnlyList<KnownRequest> Blockers { get; private init; } = [];

    public static RequestReply Of(int partition, Reply reply)
    {
        var id = new LockId(reply[2].Text, partition);
        var head = new RequestReply(reply[0].Text, reply[1].Number, id, reply[3].Text.Length > 0 ? LockRecord.Parse(reply[3].Text) : null);
        if (reply.Items.Length < 9)
        {
            return head;
        }

        var blockers = reply[8].Items;
        return head with
        {
            Before = (int)reply[4].Number,
            QueueLength = (int)reply[5].Number,
            UsualHoldMs = reply[6].Text.Length > 0 ? reply[6].Number : null,
            RestEnds = reply[7].Number,
            Blockers = [.. Enumerable.Range(0, blockers.Length / 2).Select(index =>
                new KnownRequest(new LockId(blockers[2 * index].Text, partition), LockRecord.Parse(blockers[2 * index + 1].Text)))],
        };
    }

    /// <summary>
    /// An estimate: the present holder's remaining time (by the usual hold when there was one, else until its lease
    /// ends), and one usual hold for each that is ahead. Null when nothing is known.
    /// </summary>
    public long? ExpectedWaitMs
    {
        get
        {
            if (Before > 0 && UsualHoldMs is null)
            {
                return null;
            }

            var first = Blockers.Count == 0 ? 0 : Blockers.Max(blocker => UsualHoldMs is { } usual
                ? Math.Clamp(usual - (Now - blocker.Record.Granted), 0, Math.Max(0, blocker.Record.HoldEnds - Now))
                : Math.Max(0, blocker.Record.Ends - Now));
            return Math.Max(first, RestEnds - Now) + Before * (UsualHoldMs ?? 0);
        }
    }
}

internal sealed record RenewReply(RequestReply Reply, int Waiters, int? TopPriority);

/// <param name="Now">The store's clock in ms.</param>
/// <param name="RestEnds">Until when the resource rests, 0 for not at all.</param>
internal sealed record ForceReleaseReply(long Now, long RestEnds, int QueueLength, IReadOnlyList<KnownRequest> Ended);

/// <summary>A resource with one of its holders and its first waiter.</summary>
internal sealed record ResourceReply(ResourceRecord Record, KnownRequest? Holder, KnownRequest? FirstWaiter);

/// <summary>A resource as the scripts keep it; <c>Lua/_lib/resources.lua</c> writes the same parts in the same order.</summary>
internal sealed record ResourceRecord(ResourceName Name, string Mode, int Capacity, int Held, int Used, int Waiting, long RestEnds)
{
    public static ResourceRecord Parse(ResourceName name, string text)
    {
        var parts = text.Split('\u0001');
        return new ResourceRecord(name, parts[2], Number(parts[1]), Number(parts[3]), Number(parts[4]), Number(parts[5]), long.Parse(parts[6], CultureInfo.InvariantCulture));
    }

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
}
