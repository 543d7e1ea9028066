using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using ProtoMesh.Contracts.Budgets;

namespace ProtoMesh.Server.Budgets;

/// <summary>A reservation as the store keeps it, with its counters as they stand now. <c>reservations.lua</c> describes the format.</summary>
internal sealed record ReservationRecord
{
    public required string State { get; init; }

    public required string Digest { get; init; }

    public required string Unit { get; init; }

    public required long Amount { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required DateTimeOffset ExpiresAt { get; init; }

    public required string AgentId { get; init; }

    public long? Actual { get; init; }

    public required string Flags { get; init; }

    public required string Verification { get; init; }

    public long? Claimed { get; init; }

    public long? Recomputed { get; init; }

    public DateTimeOffset? SettledAt { get; init; }

    public required ReservationPayload Payload { get; init; }

    public required IReadOnlyList<CounterView> Lines { get; init; }

    public bool IsOver(DateTimeOffset now) => State != ReservationState.Held || now >= ExpiresAt;

    public static ReservationRecord Parse(string view)
    {
        var halves = view.Split('\u0005');
        var parts = halves[0].Split('\u0001');
        return new ReservationRecord
        {
            State = parts[0],
            Digest = parts[1],
            Unit = parts[2],
            Amount = long.Parse(parts[3], CultureInfo.InvariantCulture),
            CreatedAt = DateTimeOffset.FromUnixTimeMilliseconds(long.Parse(parts[4], CultureInfo.InvariantCulture)),
            ExpiresAt = DateTimeOffset.FromUnixTimeMilliseconds(long.Parse(parts[5], CultureInfo.InvariantCulture)),
            AgentId = parts[6],
            Actual = Number(parts[7]),
            Flags = parts[8],
            Verification = parts[9],
            Claimed = Number(parts[10]),
            Recomputed = Number(parts[11]),
            SettledAt = Number(parts[12]) is { } settled ? DateTimeOffset.FromUnixTimeMilliseconds(settled) : null,
            Payload = JsonSerializer.Deserialize(parts[16], ReservationPayloadJson.Default.ReservationPayload)!,
            Lines = [.. halves[1].Split('\u0002').Select(CounterView.Parse)],
        };
    }

    public Reservation Shown(string space, DateTimeOffset now)
    {
        var isOver = IsOver(now);
        return new Reservation
        {
            ReservationId = Payload.ReservationId,
            Namespace = space,
            AgentId = AgentId,
            RunId = Payload.RunId,
            State = State == ReservationState.Held && isOver ? ReservationState.Expired : State,
            Unit = Unit,
            Amount = Amount,
            CreatedAt = CreatedAt,
            ExpiresAt = ExpiresAt,
            ExpiresInMs = isOver ? 0 : (long)(ExpiresAt - now).TotalMilliseconds,
            Budgets = [.. Lines.Select(line => line.Line)],
            Actual = Actual,
            Late = Flags.Contains('l', StringComparison.Ordinal) ? true : null,
            Overrun = Flags.Contains('o', StringComparison.Ordinal) ? true : null,
            Verification = Verification.Length > 0 ? Verification : null,
            Claimed = Claimed,
            Recomputed = Recomputed,
            SettledAt = SettledAt,
        };
    }

    private static long? Number(string text) => text.Length == 0 ? null : long.Parse(text, CultureInfo.InvariantCulture);
}

/// <summary>What the events of a reservation or a top-up carry; the scripts keep it without looking inside.</summary>
internal sealed record ReservationPayload
{
    public string ReservationId { get; init; } = "";

    public string Unit { get; init; } = "";

    public long Amount { get; init; }

    public string? RunId { get; init; }

    /// <summary>The rule that required it; null when a caller reserved it.</summary>
    public string? Rule { get; init; }

    public string? Reason { get; init; }

    public string? By { get; init; }

    public required IReadOnlyList<PayloadLine> Budgets { get; init; }

    /// <summary>JSON escapes control characters, which separate the parts of a record.</summary>
    public string ToStore() => JsonSerializer.Serialize(this, ReservationPayloadJson.Default.ReservationPayload);

    public static IReadOnlyList<PayloadLine> LinesOf(IEnumerable<BudgetSlot> slots, DateTimeOffset now) => [.. slots.Select(slot => new PayloadLine
    {
        Name = slot.Budget.Name, Key = slot.Key.Length > 0 ? slot.Key : null, Shape = slot.Budget.Window.Shape, Window = slot.Window(now) is { Length: > 0 } window ? window : null,
    })];
}

/// <summary>Which counter was used, so that the ledger can say what it has to be.</summary>
internal sealed record PayloadLine
{
    public required string Name { get; init; }

    public string? Key { get; init; }

    public required string Shape { get; init; }

    public string? Window { get; init; }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ReservationPayload))]
internal sealed partial class ReservationPayloadJson : JsonSerializerContext;
