using System.Text.Json;

namespace ProtoMesh.Contracts.Journal;

/// <summary>Something that happened, in the order in which the journal committed it.</summary>
public sealed record MeshEvent
{
    /// <summary>Rises in commit order; what <c>Last-Event-ID</c> carries.</summary>
    public required long Id { get; init; }

    /// <summary>Room and past tense, such as <c>lock.granted</c>.</summary>
    public required string Type { get; init; }

    /// <summary>When it happened, by the store's clock.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>The namespace it belongs to.</summary>
    public required string Namespace { get; init; }

    /// <summary>The resource it is about; absent when it is about none or several.</summary>
    public string? Resource { get; init; }

    /// <summary>The request it is about.</summary>
    public string? LockId { get; init; }

    /// <summary>Whose request it is.</summary>
    public string? AgentId { get; init; }

    /// <summary>What led to it, such as <c>release</c> or <c>expiry</c>.</summary>
    public string? Cause { get; init; }

    /// <summary>What else the type tells, as an object. Never a fencing token.</summary>
    public JsonElement? Data { get; init; }
}

/// <summary>A page of <c>GET /v1/events</c> as JSON and of <c>GET /v1/resources/history</c>.</summary>
public sealed record EventPage
{
    /// <summary>The events of this page.</summary>
    public required IReadOnlyList<MeshEvent> Events { get; init; }

    /// <summary>Asks for the next page; absent on the last.</summary>
    public string? NextPageToken { get; init; }
}
