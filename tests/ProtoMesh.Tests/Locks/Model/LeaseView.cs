namespace ProtoMesh.Tests.Locks.Model;

/// <summary>What can be seen of a request, said by the model or read from a record of the store; compared as text.</summary>
internal sealed record LeaseView
{
    public required string Id { get; init; }
    public required string State { get; init; }
    public required string Digest { get; init; }
    public required string Names { get; init; }
    public required string Agent { get; init; }
    public required string Session { get; init; }

    /// <summary>0 before the grant.</summary>
    public long Token { get; init; }
    public long GrantedAt { get; init; }

    // While it is queued or granted.
    public long EnqueuedAt { get; init; }
    public long WaitEnds { get; init; }
    public long Ends { get; init; }
    public long HoldEnds { get; init; }
    public bool Claimed { get; init; }
    public int Priority { get; init; }
    public long Ttl { get; init; }
    public long MaxHold { get; init; }
    public long Drain { get; init; }
    public string Progress { get; init; } = "";

    /// <summary>t, f, or empty when not known.</summary>
    public string Changed { get; init; } = "";

    /// <summary>Agent, how it ended, when, note; empty when none is remembered.</summary>
    public string Previous { get; init; } = "";

    // Once it has ended.
    public long EndedAt { get; init; }
    public string Cause { get; init; } = "";
    public string Successor { get; init; } = "";

    public bool IsLive => State is "queued" or "granted";
}

/// <summary>Where a waiter stands in the longest of its queues, and until when its resources rest.</summary>
internal sealed record Place(long Before, long Length, long RestEnds);

/// <summary>The answers of the scripts as text, written by the model and by the reader of the store's replies alike.</summary>
internal static class Answers
{
    public static string Described(string tag, long now, string id, LeaseView? lease, Place? place = null, IEnumerable<string>? blockers = null) =>
        $"{tag} at {now} {id}: {lease}" + (place is null ? "" : $" {place} behind [{Listed(blockers ?? [])}]");

    public static string Renewed(string tag, long now, string id, LeaseView? lease, long waiters, string top) =>
        $"{tag} at {now} {id}: {lease} waiters {waiters} top {top}";

    public static string Released(string tag, long now, string id, LeaseView? lease, IEnumerable<string> nextAgents) =>
        $"{tag} at {now} {id}: {lease} next [{Listed(nextAgents)}]";

    public static string Forced(long now, long restEnds, long waiting, IEnumerable<LeaseView> ended) =>
        $"ok at {now} rests until {restEnds} waiting {waiting}: {string.Join("; ", ended.OrderBy(view => view.Id, StringComparer.Ordinal))}";

    public static string Ticked(long now, long nextDue, bool more) => $"ok at {now} next {nextDue} more {more}";

    public static string Touched(IEnumerable<string> news) => $"news [{Listed(news)}]";

    private static string Listed(IEnumerable<string> texts) => string.Join(' ', texts.Order(StringComparer.Ordinal));
}
