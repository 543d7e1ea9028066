using System.Text.Json;
using System.Text.Json.Serialization;

namespace ProtoMesh.Server.Access;

/// <summary>A key as a replica knows it. Nothing of it changes; a change makes another one.</summary>
internal sealed class AccessKey
{
    /// <summary>The namespace of an admin who is in none.</summary>
    public const string Everywhere = "*";
    private readonly byte[] _sha256;
    private readonly byte[] _previousSha256;
    private readonly DateTimeOffset _previousUntil;

    public AccessKey(KeyRow row, KeyUse use)
    {
        Id = row.KeyId;
        Use = use;
        Namespace = row.Namespace == Everywhere ? null : row.Namespace;
        Role = row.Role;
        May = Roles.Of(row.Role);
        AgentId = row.AgentId;
        AgentPrefix = row.AgentPrefix;
        MaxPriority = row.MaxPriority;
        MaxTtlMs = row.MaxTtlMs;
        Name = row.Name;
        ExpiresAt = row.ExpiresAt;
        IsRevoked = row.RevokedAt is not null;
        _sha256 = Convert.FromHexString(row.Sha256);
        _previousSha256 = row.PreviousSha256 is { } previous ? Convert.FromHexString(previous) : new byte[32];
        _previousUntil = row.PreviousUntil ?? DateTimeOffset.MinValue;
        var labels = JsonSerializer.Deserialize(row.Labels, KeyJson.Default.DictionaryStringString) ?? [];
        Groups = JsonSerializer.Deserialize(row.Groups, KeyJson.Default.StringArray) ?? [];
        Facts = new KeyFacts { KeyId = Id, Role = labels.GetValueOrDefault("role") ?? row.Role, AccessRole = row.Role, Team = row.Team, Labels = labels };
        Guard = Namespace is null ? "" : $"{Namespace}\u0001{(Role != Roles.Agent ? "" : AgentId is not null ? $"={AgentId}" : $"^{AgentPrefix}")}";
    }

    public string Id { get; }

    /// <summary>Null for all of them.</summary>
    public string? Namespace { get; }

    public string Role { get; }

    public Scopes May { get; }

    public string? AgentId { get; }

    /// <summary>What the agents begin with that the key may speak for.</summary>
    public string? AgentPrefix { get; }

    public int? MaxPriority { get; }

    public long? MaxTtlMs { get; }

    public string? Name { get; }

    public DateTimeOffset? ExpiresAt { get; }

    public bool IsRevoked { get; }

    /// <summary>The groups of approvers that it is of.</summary>
    public IReadOnlyList<string> Groups { get; }

    /// <summary>What policies may trust of whoever has the key.</summary>
    public KeyFacts Facts { get; }

    /// <summary>Whose leases it may keep, as <c>Locks/Lua/_lib/guard.lua</c> reads it.</summary>
    public string Guard { get; }

    public KeyUse Use { get; }

    /// <summary>The same however often the key is loaded anew: when it was used, and whether it is over.</summary>
    public bool IsGood(DateTimeOffset now) => !IsRevoked && (ExpiresAt is null || now < ExpiresAt);

    /// <summary>Compares in the same time whether it fits or not.</summary>
    public bool HasDigest(ReadOnlySpan<byte> sha256, DateTimeOffset now) => HasDigest(sha256, now, out _);

    /// <param name="sha256">Of the secret that was shown.</param>
    /// <param name="now">The time.</param>
    /// <param name="proof">The digest of the two that it is, to ask again later.</param>
    public bool HasDigest(ReadOnlySpan<byte> sha256, DateTimeOffset now, out byte[] proof)
    {
        var isNow = System.Security.Cryptography.CryptographicOperations.FixedTimeEquals(sha256, _sha256);
        var wasBefore = System.Security.Cryptography.CryptographicOperations.FixedTimeEquals(sha256, _previousSha256);
        proof = isNow ? _sha256 : _previousSha256;
        return isNow | (wasBefore & now < _previousUntil);
    }
}

/// <summary>What outlives each reading of a key: when this replica saw it last, and what it is now.</summary>
internal sealed class KeyUse
{
    private long _lastUsed;
    private volatile AccessKey? _now;

    /// <summary>As it was read last.</summary>
    public AccessKey? Now
    {
        get => _now;
        set => _now = value;
    }

    /// <summary>Ticks of UTC; 0 for never.</summary>
    public long LastUsed => Volatile.Read(ref _lastUsed);

    /// <summary>What of it is in SQL already.</summary>
    public long Written { get; set; }

    public void Touch(DateTimeOffset now) => Volatile.Write(ref _lastUsed, now.UtcTicks);
}

/// <summary>What policies know of who asks when keys are on. It rides in a lease that names an action, for when the policy is asked again.</summary>
internal sealed record KeyFacts
{
    /// <summary>Somebody of whom no key tells anything.</summary>
    public static KeyFacts Nobody { get; } = new();

    /// <summary>Which key: whoever asks for an approval does not give it.</summary>
    public string? KeyId { get; init; }

    /// <summary>The label <c>role</c>, or else the role of the key.</summary>
    public string? Role { get; init; }

    public string? AccessRole { get; init; }

    public string? Team { get; init; }

    public IReadOnlyDictionary<string, string>? Labels { get; init; }
}

[JsonSerializable(typeof(Dictionary<string, string>))]
[JsonSerializable(typeof(string[]))]
internal sealed partial class KeyJson : JsonSerializerContext;
