using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json;
using ProtoMesh.Contracts.Locks;
using ProtoMesh.Server.Store;

namespace ProtoMesh.Server.Locks;

/// <summary>A request as the scripts keep it; <c>Lua/_lib/requests.lua</c> writes the same parts in the same order.</summary>
internal sealed class LockRecord
{
    private const int LiveParts = 24;
    private const int EndedParts = 12;
    private readonly string _text;
    private readonly PartEnds _ends;

    private LockRecord(string text)
    {
        _text = text;
        var count = 0;
        for (var at = 0; at >= 0 && count < LiveParts; count++)
        {
            var next = text.AsSpan(at).IndexOf('\u0001');
            _ends[count] = next < 0 ? text.Length : at + next;
            at = next < 0 ? -1 : at + next + 1;
        }

        State = Part(0) switch { LockState.Granted => LockState.Granted, LockState.Queued => LockState.Queued, var other => other.ToString() };
        if (count != (IsLive ? LiveParts : EndedParts) || _ends[count - 1] != text.Length)
        {
            throw StoreException.Unavailable("The store holds a request that this version cannot read.");
        }
    }

    public string State { get; }

    public bool IsLive => State is LockState.Queued or LockState.Granted;

    public long Token => Number(2);

    /// <summary>Live: the lease's end, or the end of the time to claim it.</summary>
    public long Ends => IsLive ? Number(3) : 0;

    public long HoldEnds => IsLive ? Number(4) : 0;

    public bool IsClaimed => IsLive && Part(5) is "1";

    public long WaitEnds => IsLive ? Number(6) : 0;

    public long Enqueued => IsLive ? Number(7) : 0;

    public long Score => IsLive ? Number(8) : 0;

    public int Priority => IsLive ? (int)Number(10) : 0;

    public string Digest => Text(1);

    /// <summary>How long a grant lives without a renewal; live only.</summary>
    public long Ttl => IsLive ? Number(11) : 0;

    /// <summary>How long it may be held from its claim on; live only.</summary>
    public long MaxHold => IsLive ? Number(12) : 0;

    public string Flags => Text(IsLive ? 14 : 10);

    public bool IsDetached => Flags.Contains(LockFlags.Detached, StringComparison.Ordinal);

    public IReadOnlyList<Want> Wants => field ??= [.. Text(IsLive ? 15 : 5).Split('\u0002').Select(Want.Parse)];

    public string AgentId => Text(IsLive ? 16 : 6);

    public string? SessionId => NotEmpty(IsLive ? 17 : 7);

    public long Granted => Number(IsLive ? 18 : 8);

    public string? Progress => IsLive ? NotEmpty(19) : null;

    public bool? ChangedSinceLastHeld => !IsLive ? null : Part(20) switch { "t" => true, "f" => false, _ => null };

    public PreviousHold? Previous => IsLive && NotEmpty(21)?.Split('\u0003') is [var agent, var ended, var at, var note]
        ? new PreviousHold { AgentId = agent, Ended = ended, EndedAt = Time(long.Parse(at, CultureInfo.InvariantCulture)), Note = note.Length > 0 ? note : null }
        : null;

    public long Ended => IsLive ? 0 : Number(3);

    /// <summary>Ended: what made it end, such as <c>release</c>, <c>time</c> or <c>max_hold</c>.</summary>
    public string Cause => IsLive ? "" : Text(4);

    /// <summary>The last event about this request.</summary>
    public EventId Event => EventId.Parse(Text(IsLive ? 22 : 11));

    /// <summary>What the caller gave along for others to read.</summary>
    public LockPayload Payload => field ??= IsLive && !Part(23).IsEmpty
        ? JsonSerializer.Deserialize(Part(23), LockPayloadJson.Default.LockPayload) ?? LockPayload.Empty
        : LockPayload.Empty;

    public static LockRecord Parse(string text) => new(text);

    public static DateTimeOffset Time(long milliseconds) => DateTimeOffset.FromUnixTimeMilliseconds(milliseconds);

    private ReadOnlySpan<char> Part(int index)
    {
        var start = index == 0 ? 0 : _ends[index - 1] + 1;
        return _text.AsSpan(start, _ends[index] - start);
    }

    private string Text(int part) => Part(part).ToString();

    private string? NotEmpty(int part) => Part(part).IsEmpty ? null : Text(part);

    private long Number(int part) => Part(part).IsEmpty ? 0 : long.Parse(Part(part), CultureInfo.InvariantCulture);

    /// <summary>Where each part ends. Most parts of a record are never asked for, so none is cut out before.</summary>
    [InlineArray(LiveParts)]
    private struct PartEnds
    {
        private int _first;
    }
}

/// <summary>One resource of a request, how it is wanted, and how many of its slots.</summary>
internal readonly record struct Want(string Mode, int Capacity, int Units, ResourceName Name)
{
    public static Want Parse(string text)
    {
        var rest = text.AsSpan(2);
        var capacity = rest[..rest.IndexOf(',')];
        rest = rest[(capacity.Length + 1)..];
        var units = rest[..rest.IndexOf(',')];
        var mode = text[0] switch { 'x' => LockMode.Exclusive, 's' => LockMode.Shared, _ => LockMode.Slots };
        return new Want(
            mode, int.Parse(capacity, CultureInfo.InvariantCulture), int.Parse(units, CultureInfo.InvariantCulture),
            ResourceName.FromStore(rest[(units.Length + 1)..].ToString()));
    }

    public override string ToString()
    {
        var letter = Mode switch { LockMode.Exclusive => "x", LockMode.Shared => "s", _ => "l" };
        return Capacity == 0 && Units == 0
            ? string.Concat(letter, ",0,0,", Name.Full)
            : string.Create(CultureInfo.InvariantCulture, $"{letter},{Capacity},{Units},{Name.Full}");
    }
}

/// <summary>The letters of a record's flags; the scripts give them their meaning.</summary>
internal static class LockFlags
{
    public const string Detached = "d";
    public const string Reentrant = "r";
    public const string Journaled = "j";
    public const string Legacy = "p";
    public const string Action = "a";
}
