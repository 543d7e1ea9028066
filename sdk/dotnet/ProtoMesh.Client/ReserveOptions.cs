using System.Text.Json.Nodes;

namespace ProtoMesh;

/// <summary>Who reserves, for which run, and for how long.</summary>
public sealed record ReserveOptions
{
    /// <summary>
    /// 8-64 of <c>[A-Za-z0-9_-]</c>: the same id is the same reservation, also from another process. By default a new UUIDv7.
    /// </summary>
    public string? ReservationId { get; init; }

    /// <summary>For how long it holds what is not settled, 1 s to 24 h; 10 min.</summary>
    public TimeSpan? Hold { get; init; }

    /// <summary>1-128 bytes: the run that it belongs to, for budgets that are kept by <c>run.id</c>.</summary>
    public string? RunId { get; init; }

    /// <summary>What the money is for, kept beside the reservation.</summary>
    public JsonObject? Metadata { get; init; }

    /// <summary>Who spends; the client's.</summary>
    public string? AgentId { get; init; }

    /// <summary>Where the budgets are; the client's namespace.</summary>
    public string? Namespace { get; init; }
}
