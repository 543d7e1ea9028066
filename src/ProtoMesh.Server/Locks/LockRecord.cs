using System.Globalization;
using System.Text.Json;
using ProtoMesh.Contracts.Locks;
using ProtoMesh.Server.Store;

namespace ProtoMesh.Server.Locks;

/// <summary>A request as the scripts keep it; <c>Lua/_lib/requests.lua</c> writes the same parts in the same order.</summary>
internal sealed class LockRecord
{
    private const int LiveParts = 24;
    private const int EndedParts = 12;
    private readonly string[] _parts;
    private IReadOnlyList<Want>? _wants;

    private LockRecord(string[] parts)
    {
        _parts = parts;
        if (parts.Length != (IsLive ? LiveParts : EndedParts))
        {
            throw StoreException.Unavailable("The store holds a request that this version cannot read.");
        }
    }

    public string State => _parts[0];

    public bool IsLive => State is LockState.Queued or LockState.Granted;

    public long Token => Number(2);

    /// <summary>Live: the lease's end, or the end of the time to claim it.</summary>
    public long Ends => IsLive ? Number(3) : 0;

    public long HoldEnds => IsLive ? Number(4) : 0;

    public bool IsClaimed => IsLive && _parts[5] == "1";

    public long WaitEnds => IsLive ? Number(6) : 0;

    public long Enqueued => IsLive ? Number(7) : 0;

    public long Score => IsLive ? Number(8) : 0;

    public int Priority => IsLive ? (int)Number(10) : 0;

    public string Digest => _parts[1];

    /// <summary>How long a grant lives without a renewal; live only.</summary>
    public long Ttl => IsLive ? Number(11) : 0;

    /// <summary>How long it may be held from its claim on; live only.</summary>
    public long MaxHold => IsLive ? Number(12) : 0;

    public string Flags => _parts[IsLive ? 14 : 10];

    /// <summary>Whether the grant was claimed at this very time: the longest hold starts there.</summary>
    public bool IsClaimedAt(long now) => State == LockState.Granted && IsClaimed && HoldEnds == now + MaxHold;

    public bool IsDetached => Flags.Contains(LockFlags.Detached, StringComparison.Ordinal);

    public IReadOnlyList<Want> Wants => _wants ??= [.. _parts[IsLive ? 15 : 5].Split('\u0002').Select(Want.Parse)];

    public string AgentId => _parts[IsLive ? 16 : 6];

    public string? SessionId => _parts[IsLive ? 17 : 7] is { Length: > 0 } session ? session : null;

    public long Granted => Number(IsLive ? 18 : 8);

    public string? Progress => IsLive && _parts[19].Length > 0 ? _parts[19] : null;

    public bool? ChangedSinceLastHeld => !IsLive ? null : _parts[20] switch { "t" => true, "f" => false, _ => null };

    public PreviousHold? Previous => IsLive && _parts[21].Split('\u0003') is [var agent, var ended, var at, var note]
        ? new PreviousHold { AgentId = agent, Ended = ended, EndedAt = Time(long.Parse(at, CultureInfo.InvariantCulture)), Note = note.Length > 0 ? note : null }
        : null;

    public long Ended => IsLive ? 0 : Number(3);

    /// <summary>Ended: what made it end, such as <c>release</c>, <c>time</c> or <c>max_hold</c>.</summary>
    public string Cause => IsLive ? "" : _parts[4];

    /// <summary>The last event about this request.</summary>
    public EventId Event => EventId.Parse(_parts[IsLive ? 22 : 11]);

    /// <summary>What the caller gave along for others to read.</summary>
    public LockPayload Payload => IsLive && _parts[23].Length > 0
        ? JsonSerializer.Deserialize(_parts[23], LockPayloadJson.Default.LockPayload) ?? LockPayload.Empty
        : LockPayload.Empty;

    public static LockRecord Parse(string text) => new(text.Split('\u0001'));

    public static DateTimeOffset Time(long milliseconds) => DateTimeOffset.FromUnixTimeMilliseconds(milliseconds);

    private long Number(int part) => _parts[part].Length == 0 ? 0 : long.Parse(_parts[part], CultureInfo.InvariantCulture);
}

/// <summary>One resource of a request, how it is wanted, and how many of its slots.</summary>
internal readonly record struct Want(string Mode, int Capacity, int Units, ResourceName Name)
{
    public static Want Parse(string text)
    {
        var parts = text.Split(',', 4);
        var mode = parts[0] switch { "x" => LockMode.Exclusive, "s" => LockMode.Shared, _ => LockMode.Slots };
        return new Want(mode, int.Parse(parts[1], CultureInfo.InvariantCulture), int.Parse(parts[2], CultureInfo.InvariantCulture), ResourceName.FromStore(parts[3]));
    }

    public override string ToString()
    {
        var letter = Mode switch { LockMode.Exclusive => "x", LockMode.Shared => "s", _ => "l" };
        return string.Create(CultureInfo.InvariantCulture, $"{letter},{Capacity},{Units},{Name.Full}");
    }
}

/// <summary>The letters of a record's flags; the scripts give them their meaning.</summary>
internal static class LockFlags
{
    public const string Detached = "d";
    public const string Reentrant = "r";
    public const string Journaled = "j";
    public const string Legacy = "p";
}
