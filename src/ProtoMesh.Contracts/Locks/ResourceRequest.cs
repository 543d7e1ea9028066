using System.Text.Json.Serialization;

namespace ProtoMesh.Contracts.Locks;

/// <summary>
/// One entry of <see cref="AcquireLock.Resources"/>. On the wire it is the resource's name alone, or an object when it
/// names a mode, a capacity or units of its own.
/// </summary>
[JsonConverter(typeof(ResourceRequestConverter))]
public sealed record ResourceRequest
{
    /// <summary><c>type/id</c>, required.</summary>
    public string? Resource { get; init; }

    /// <summary>One of <see cref="LockMode"/>; the request's.</summary>
    public string? Mode { get; init; }

    /// <summary>Slots that the resource has, 1-10,000. Only with mode <c>slots</c>.</summary>
    public int? Capacity { get; init; }

    /// <summary>Slots that this request takes, 1 to <see cref="Capacity"/>; 1. Only with mode <c>slots</c>.</summary>
    public int? Units { get; init; }

    /// <summary>A name alone.</summary>
    public static implicit operator ResourceRequest(string resource) => new() { Resource = resource };
}
