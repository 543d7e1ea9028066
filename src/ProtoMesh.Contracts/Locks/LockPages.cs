namespace ProtoMesh.Contracts.Locks;

/// <summary>The 200 of <c>GET /v1/locks</c>.</summary>
public sealed record LockPage
{
    /// <summary>The requests of this page.</summary>
    public required IReadOnlyList<ObservedLock> Locks { get; init; }

    /// <summary>Asks for the next page; absent on the last.</summary>
    public string? NextPageToken { get; init; }
}

/// <summary>The 200 of <c>GET /v1/resources</c>.</summary>
public sealed record ResourcePage
{
    /// <summary>The resources that are held or waited for, in the order asked for.</summary>
    public required IReadOnlyList<ResourceSummary> Resources { get; init; }

    /// <summary>Asks for the next page; absent on the last.</summary>
    public string? NextPageToken { get; init; }
}

/// <summary>A resource that is held or waited for: holder, reason and waiting time first.</summary>
public sealed record ResourceSummary
{
    /// <summary><c>type/id</c>.</summary>
    public required string Resource { get; init; }

    /// <summary>Who holds it.</summary>
    public required IReadOnlyList<Blocker> HeldBy { get; init; }

    /// <summary>How many wait.</summary>
    public required int QueueLength { get; init; }

    /// <summary>Milliseconds for which the longest of them has waited; absent when nobody waits.</summary>
    public long? LongestWaitMs { get; init; }

    /// <summary>The highest priority among them, 0-9; absent when nobody waits.</summary>
    public int? TopPriority { get; init; }

    /// <summary>The resource's namespace.</summary>
    public required string Namespace { get; init; }

    /// <summary>One of <see cref="LockMode"/>; absent when nobody holds it.</summary>
    public string? Mode { get; init; }

    /// <summary>Slots that it has; only with mode <c>slots</c>.</summary>
    public int? Capacity { get; init; }

    /// <summary>Slots that are taken; only with mode <c>slots</c>.</summary>
    public int? UnitsInUse { get; init; }

    /// <summary>Milliseconds for which it rests before it can be granted again; absent when it does not.</summary>
    public long? GrantableInMs { get; init; }
}

/// <summary>The 200 of <c>GET /v1/resources/queue</c>: who holds a resource and who waits, the next one first.</summary>
public sealed record QueuePage
{
    /// <summary>The resource's namespace.</summary>
    public required string Namespace { get; init; }

    /// <summary>The resource.</summary>
    public required string Resource { get; init; }

    /// <summary>Who holds it.</summary>
    public required IReadOnlyList<Blocker> HeldBy { get; init; }

    /// <summary>How many wait in all.</summary>
    public required int QueueLength { get; init; }

    /// <summary>Milliseconds for which it rests before it can be granted again; absent when it does not.</summary>
    public long? GrantableInMs { get; init; }

    /// <summary>The waiters of this page, the next one first.</summary>
    public required IReadOnlyList<ObservedLock> Waiting { get; init; }

    /// <summary>Asks for the next page; absent on the last.</summary>
    public string? NextPageToken { get; init; }
}
