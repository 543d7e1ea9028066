using System.Text.Json.Nodes;
using ProtoMesh.Contracts.Locks;

namespace ProtoMesh;

/// <summary>What a request for a lease asks for. What is null is left to the service's default.</summary>
public record LeaseOptions
{
    /// <summary>0-9, higher is sooner; 5.</summary>
    public int? Priority { get; init; }

    /// <summary>How long to wait in the queue, 0 to 24 h; 30 s. Zero only tries.</summary>
    public TimeSpan Wait { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long the lease outlives its last renewal, 1 s to the service's <c>MaxTtlMs</c> (5 min); 30 s.</summary>
    public TimeSpan? Ttl { get; init; }

    /// <summary>When the lease ends however often it is renewed, up to 24 h; 1 h.</summary>
    public TimeSpan? MaxHold { get; init; }

    /// <summary>How long the resource rests after this lease expires, up to 10 min; 0.</summary>
    public TimeSpan? Drain { get; init; }

    /// <summary>One of <see cref="LockMode"/>; exclusive.</summary>
    public string? Mode { get; init; }

    /// <summary>Slots that the resource has, 1-10,000. Only with <see cref="LockMode.Slots"/>.</summary>
    public int? Capacity { get; init; }

    /// <summary>Slots to take, 1 to <see cref="Capacity"/>; 1.</summary>
    public int? Units { get; init; }

    /// <summary>What the lease is for, up to 500 bytes: shown to whoever waits.</summary>
    public string? Reason { get; init; }

    /// <summary>Up to 16 labels, names up to 64 bytes, values up to 256.</summary>
    public IReadOnlyDictionary<string, string>? Labels { get; init; }

    /// <summary>
    /// What the lease is for, such as <c>customer.update</c>: the policy decides it before anything is enqueued, and again
    /// at the grant if another policy decides then. 1-128 bytes.
    /// </summary>
    public string? Action { get; init; }

    /// <summary>What this agent says of the action, for the policy's rules: at most 16 KB. Only with <see cref="Action"/>.</summary>
    public JsonObject? Metadata { get; init; }

    /// <summary>1-128 bytes: the run that the action belongs to, <c>run.id</c> for the policy. Only with <see cref="Action"/>.</summary>
    public string? RunId { get; init; }

    /// <summary>The approval that the action was given, which is used up with the grant. Only with <see cref="Action"/>.</summary>
    public string? ApprovalId { get; init; }

    /// <summary>True joins a live hold of the same agent and session past the queue.</summary>
    public bool? Reentrant { get; init; }

    /// <summary>One of <see cref="LockDurability"/>, the namespace's or stronger.</summary>
    public string? Durability { get; init; }

    /// <summary>The resources' namespace; the client's.</summary>
    public string? Namespace { get; init; }

    /// <summary>Who asks; the client's.</summary>
    public string? AgentId { get; init; }

    /// <summary>Which run of the agent asks; the client's.</summary>
    public string? SessionId { get; init; }

    /// <summary>
    /// 8-64 of <c>[A-Za-z0-9_-]</c>: the same id is the same request, also from another process. By default a new UUIDv7.
    /// </summary>
    public string? RequestId { get; init; }

    /// <summary>False leaves renewing to <see cref="Lease.RenewAsync"/>; true.</summary>
    public bool AutoRenew { get; init; } = true;

    /// <summary>Called with the place in the queue after each answer that the request still waits.</summary>
    public Action<QueuedLock>? OnQueued { get; init; }
}
