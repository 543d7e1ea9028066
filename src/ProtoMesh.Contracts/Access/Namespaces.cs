using System.Text.Json.Serialization;

namespace ProtoMesh.Contracts.Access;

/// <summary>The body of <c>PUT /v1/namespaces/{namespace}</c>: all of its settings. What is absent is not limited, or as the service is configured.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record PutNamespace
{
    /// <summary>0-10,000,000: how many leases it may have when one more is asked for.</summary>
    public int? MaxHeldLeases { get; init; }

    /// <summary>0-10,000,000: how many requests may wait.</summary>
    public int? MaxWaiters { get; init; }

    /// <summary>0-100,000: how many requests may wait for one resource.</summary>
    public int? MaxWaitersPerResource { get; init; }

    /// <summary>1-1,000,000: how many calls a second its keys may make, over all replicas.</summary>
    public int? RequestsPerSecond { get; init; }

    /// <summary>1-1,000,000: how many calls may come at once after a pause. <see cref="RequestsPerSecond"/>.</summary>
    public int? Burst { get; init; }

    /// <summary><c>fast</c> or <c>journaled</c>, for requests that name none.</summary>
    public string? Durability { get; init; }

    /// <summary><c>starter</c> or <c>deny-all</c>: what decides as long as no policy was activated there. Absent: <c>starter</c>.</summary>
    public string? DefaultPolicy { get; init; }

    /// <summary>What policies may trust of its resources: at most 1,000.</summary>
    public IReadOnlyList<ResourceGroup>? Resources { get; init; }

    /// <summary>What the change is for: 1-500 bytes.</summary>
    public string? Comment { get; init; }
}

/// <summary>The team and the labels of every resource that starts with a prefix.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record ResourceGroup
{
    /// <summary>The start of <c>type/id</c>, such as <c>customer/</c>: 1-577 bytes. The longest that fits counts.</summary>
    public string? Prefix { get; init; }

    /// <summary><c>resource.team</c> for the policies: 1-128 bytes.</summary>
    public string? Team { get; init; }

    /// <summary><c>resource.labels</c> for the policies: at most 16 of 64 and 256 bytes.</summary>
    public IReadOnlyDictionary<string, string>? Labels { get; init; }
}

/// <summary>The settings of a namespace.</summary>
public sealed record NamespaceSettings
{
    /// <summary>Its name.</summary>
    public required string Namespace { get; init; }

    /// <summary>Grows with each change; 0 where nothing was ever set. The <c>ETag</c> of the answer.</summary>
    public required long Revision { get; init; }

    /// <summary>How many leases it may have when one more is asked for.</summary>
    public int? MaxHeldLeases { get; init; }

    /// <summary>How many requests may wait.</summary>
    public int? MaxWaiters { get; init; }

    /// <summary>How many requests may wait for one resource.</summary>
    public int? MaxWaitersPerResource { get; init; }

    /// <summary>
    /// <c>namespace</c> when the store counts leases and waiters of the namespace as a whole; <c>partition</c> when its resources
    /// lie in several partitions, each of which counts its own up to the limit.
    /// </summary>
    public required string CountedIn { get; init; }

    /// <summary>How many calls a second its keys may make, over all replicas.</summary>
    public int? RequestsPerSecond { get; init; }

    /// <summary>How many calls may come at once after a pause.</summary>
    public int? Burst { get; init; }

    /// <summary><c>fast</c> or <c>journaled</c>, for requests that name none.</summary>
    public string? Durability { get; init; }

    /// <summary><c>starter</c> or <c>deny-all</c>: what decides as long as no policy was activated there.</summary>
    public required string DefaultPolicy { get; init; }

    /// <summary>What policies may trust of its resources.</summary>
    public required IReadOnlyList<ResourceGroup> Resources { get; init; }

    /// <summary>What the last change was for.</summary>
    public string? Comment { get; init; }

    /// <summary>When it was changed last.</summary>
    public DateTimeOffset? ChangedAt { get; init; }

    /// <summary>The name and id of the key that changed it; absent when the service was open.</summary>
    public string? ChangedBy { get; init; }
}

/// <summary>A page of <c>GET /v1/namespaces</c>.</summary>
public sealed record NamespacePage
{
    /// <summary>The namespaces of this page that were ever set, in the order of their names.</summary>
    public required IReadOnlyList<NamespaceSettings> Namespaces { get; init; }

    /// <summary>Asks for the next page; absent on the last.</summary>
    public string? NextPageToken { get; init; }
}
