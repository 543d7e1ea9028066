using System.Text.Json.Serialization;

namespace ProtoMesh.Contracts;

/// <summary>The answer of <c>/health</c> and <c>/health/ready</c>.</summary>
public sealed record HealthReport
{
    /// <summary><c>healthy</c>, <c>unhealthy</c> or <c>stopping</c>.</summary>
    public required string Status { get; init; }

    /// <summary>The service's version.</summary>
    public required string Version { get; init; }

    /// <summary>Where leases and queues are kept.</summary>
    public required HealthPart Store { get; init; }

    /// <summary>Where the journal and the policies are kept.</summary>
    public required HealthPart Database { get; init; }

    /// <summary>What decides.</summary>
    public required HealthPolicy Policy { get; init; }

    /// <summary><c>open</c>, <c>keys</c>, or <c>unknown</c> until the database was read.</summary>
    public required string Auth { get; init; }

    /// <summary>The same in a sentence: who may call.</summary>
    public required string Access { get; init; }

    /// <summary>Absent while the service is open.</summary>
    public HealthKeys? Keys { get; init; }
}

/// <summary>The keys as this replica sees them.</summary>
public sealed record HealthKeys
{
    /// <summary>How many there are, with those that are revoked; absent for a caller of one namespace.</summary>
    public int? Known { get; init; }

    /// <summary>Calls that came without a good key since this replica began.</summary>
    public required long RefusedCalls { get; init; }
}

/// <summary>One thing that the service stands on: <c>ok</c>, or a sentence that says what is wrong.</summary>
public sealed record HealthPart
{
    /// <summary>Which kind of it is in use, such as <c>redis</c>.</summary>
    public required string Kind { get; init; }

    /// <summary><c>ok</c>, or what is wrong.</summary>
    public required string State { get; init; }

    /// <summary>Parts that the keys are spread over; only of the store.</summary>
    public int? Partitions { get; init; }

    /// <summary>Events that are not yet in SQL; absent when another replica moves them.</summary>
    public long? JournalLagEvents { get; init; }

    /// <summary>The age of the oldest of them in ms.</summary>
    public long? JournalLagMs { get; init; }
}

/// <summary>What this replica decides by in the namespace <c>default</c>, or in that of the caller's key.</summary>
public sealed record HealthPolicy
{
    /// <summary><c>ok</c>, or a sentence that says what is wrong, in this namespace or else in another one.</summary>
    public required string State { get; init; }

    /// <summary>Absent while nothing decides yet.</summary>
    public string? Name { get; init; }

    /// <summary>Its version.</summary>
    public int? Version { get; init; }

    /// <summary>Which activation of the namespace it is; 0 is the starter before any.</summary>
    public long? Revision { get; init; }
}

/// <summary>How a health report is written and read, without reflection.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(HealthReport))]
public sealed partial class HealthJson : JsonSerializerContext;
