using System.Text.Json;
using System.Text.Json.Serialization;

namespace ProtoMesh.Contracts.Locks;

/// <summary>
/// The body of <c>POST /v1/locks</c>: one request for a lease. Every property is nullable so that the server can name
/// the field that is missing or out of range; an absent one takes the default that its text gives.
/// </summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record AcquireLock
{
    /// <summary>8-64 of <c>[A-Za-z0-9_-]</c>. The same id for the same resources, modes, agent, session, action and metadata is the same request. Made by the server if absent.</summary>
    public string? RequestId { get; init; }

    /// <summary><c>[a-z0-9-]{1,40}</c>; <c>default</c>.</summary>
    public string? Namespace { get; init; }

    /// <summary><c>type/id</c>: type <c>[a-z][a-z0-9_.-]{0,63}</c>, id 1-512 bytes of UTF-8 without control characters. Either this or <see cref="Resources"/>.</summary>
    public string? Resource { get; init; }

    /// <summary>1-64 resources without duplicates, granted all together or not at all.</summary>
    public IReadOnlyList<ResourceRequest>? Resources { get; init; }

    /// <summary>One of <see cref="LockMode"/>; <c>exclusive</c>. Also the mode of every listed resource that names none.</summary>
    public string? Mode { get; init; }

    /// <summary>Slots that the resource has, 1-10,000. Only with mode <c>slots</c>.</summary>
    public int? Capacity { get; init; }

    /// <summary>Slots that this request takes, 1 to <see cref="Capacity"/>; 1. Only with mode <c>slots</c>.</summary>
    public int? Units { get; init; }

    /// <summary>Who asks: 1-128 bytes, required.</summary>
    public string? AgentId { get; init; }

    /// <summary>Which run of the agent asks: 1-128 bytes.</summary>
    public string? SessionId { get; init; }

    /// <summary>True joins a live hold of the same agent and session past the queue; false.</summary>
    public bool? Reentrant { get; init; }

    /// <summary>0-9, higher is sooner; 5.</summary>
    public int? Priority { get; init; }

    /// <summary>How long a grant lives without a renewal: 1,000 ms to the server's <c>MaxTtlMs</c> (300,000); 30,000.</summary>
    public long? TtlMs { get; init; }

    /// <summary>How long to queue: 0 (only try) to 86,400,000 ms; 30,000.</summary>
    public long? WaitMs { get; init; }

    /// <summary>The longest a grant may be kept by renewing it, up to 86,400,000 ms; 3,600,000.</summary>
    public long? MaxHoldMs { get; init; }

    /// <summary>How long the resource rests after this lease expires or is abandoned, up to 600,000 ms; 0.</summary>
    public long? DrainMs { get; init; }

    /// <summary>True for a waiter that is told of its grant in another way: no liveness and no claim; false.</summary>
    public bool? Detached { get; init; }

    /// <summary>One of <see cref="LockDurability"/>, the namespace's or stronger; the namespace's.</summary>
    public string? Durability { get; init; }

    /// <summary>What the lease is for, shown to whoever waits: up to 500 bytes.</summary>
    public string? Reason { get; init; }

    /// <summary>Up to 16 labels, names up to 64 bytes, values up to 256.</summary>
    public IReadOnlyDictionary<string, string>? Labels { get; init; }

    /// <summary>What the lease is for, such as <c>customer.update</c>: the policy decides it before anything is enqueued. 1-128 of <c>[A-Za-z0-9_.:/-]</c>.</summary>
    public string? Action { get; init; }

    /// <summary>The run that the action belongs to, for budgets of a run: 1-128 bytes without control characters. Only with <see cref="Action"/>.</summary>
    public string? RunId { get; init; }

    /// <summary>What the caller says of the action, a JSON object of at most 16 KB. Only with <see cref="Action"/>.</summary>
    public JsonElement? Metadata { get; init; }

    /// <summary>The approval that the agent was given for this action and these resources. Only with <see cref="Action"/>.</summary>
    public string? ApprovalId { get; init; }
}
