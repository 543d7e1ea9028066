using System.Text.Json;
using System.Text.Json.Serialization;
using ProtoMesh.Contracts.Locks;

namespace ProtoMesh;

/// <summary>
/// A lease on its way to another process, or over a checkpoint: <see cref="Lease.Ticket"/> makes it,
/// <see cref="MeshClient.AttachAsync"/> takes it up again. Its JSON is the same in every language. Whoever has it can use
/// the lease, so it is kept like the work itself.
/// </summary>
public sealed record Ticket
{
    /// <summary>The version of this shape.</summary>
    public const int CurrentVersion = 1;

    /// <summary>Always <see cref="CurrentVersion"/>.</summary>
    [JsonPropertyName("version")]
    public int Version { get; init; } = CurrentVersion;

    /// <summary><c>{request_id}.{partition}</c>.</summary>
    [JsonPropertyName("lock_id")]
    public required string LockId { get; init; }

    /// <summary>The id that the request was sent with.</summary>
    [JsonPropertyName("request_id")]
    public required string RequestId { get; init; }

    /// <summary>The namespace of what is held.</summary>
    [JsonPropertyName("namespace")]
    public required string Namespace { get; init; }

    /// <summary>What is held; null when it is several.</summary>
    [JsonPropertyName("resource")]
    public string? Resource { get; init; }

    /// <summary>What is held, when it is several.</summary>
    [JsonPropertyName("resources")]
    public IReadOnlyList<ResourceRequest>? Resources { get; init; }

    /// <summary>One of <see cref="LockMode"/>; null when several resources are held.</summary>
    [JsonPropertyName("mode")]
    public string? Mode { get; init; }

    /// <summary>Who holds it.</summary>
    [JsonPropertyName("agent_id")]
    public required string AgentId { get; init; }

    /// <summary>Which run of the agent.</summary>
    [JsonPropertyName("session_id")]
    public string? SessionId { get; init; }

    /// <summary>The lease's token.</summary>
    [JsonPropertyName("fencing_token")]
    public required long FencingToken { get; init; }

    /// <summary>How long the lease outlives a renewal, in ms; null leaves it as long as before.</summary>
    [JsonPropertyName("ttl_ms")]
    public long? TtlMs { get; init; }

    /// <summary>Reads what <see cref="ToJson"/> wrote, in any language.</summary>
    /// <exception cref="FormatException">It is no ticket, or one of a newer shape.</exception>
    public static Ticket Parse(string json)
    {
        try
        {
            var ticket = JsonSerializer.Deserialize(json, TicketJson.Default.Ticket);
            return ticket is { Version: CurrentVersion } ? ticket
                : throw new FormatException($"A ticket has the version {CurrentVersion}, and this one has {ticket?.Version.ToString() ?? "none"}.");
        }
        catch (JsonException fault)
        {
            throw new FormatException($"This is no ticket of a lease: {fault.Message}", fault);
        }
    }

    internal IReadOnlyList<LockedResource>? Held => Resources is null ? null :
    [
        .. Resources.Select(one => new LockedResource
        {
            Resource = one.Resource ?? "",
            Mode = one.Mode ?? LockMode.Exclusive,
            Capacity = one.Capacity,
            Units = one.Units,
        }),
    ];

    internal static Ticket Of(GrantedLock grant, TimeSpan? ttl) => new()
    {
        LockId = grant.LockId,
        RequestId = grant.RequestId,
        Namespace = grant.Namespace,
        Resource = grant.Resource,
        Resources = grant.Resources is null ? null :
        [
            .. grant.Resources.Select(one => new ResourceRequest { Resource = one.Resource, Mode = one.Mode, Capacity = one.Capacity, Units = one.Units }),
        ],
        Mode = grant.Mode,
        AgentId = grant.AgentId,
        SessionId = grant.SessionId,
        FencingToken = grant.FencingToken,
        TtlMs = (long?)ttl?.TotalMilliseconds,
    };

    /// <summary>The ticket as JSON, to be kept or sent.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, TicketJson.Default.Ticket);
}

/// <summary>How a ticket is written and read, without reflection; for those who put one inside JSON of their own.</summary>
[JsonSourceGenerationOptions(DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(Ticket))]
public sealed partial class TicketJson : JsonSerializerContext;
