using System.Data;
using System.Globalization;
using System.Text.Json;
using ProtoMesh.Server.Data;
using ProtoMesh.Server.Journal;

namespace ProtoMesh.Server.Budgets;

/// <summary>Makes ledger rows of the events of budgets, in the transaction that takes the events into the journal: each exactly once.</summary>
internal sealed class LedgerProjection : IJournalProjection
{
    private const string Prefix = "budget.";

    private static readonly RowInsert<LedgerRow> Insert = new("budget_ledger", "",
        ("id", DbType.Int64, row => row.Id),
        ("at", DbType.DateTime, row => row.At),
        ("kind", DbType.String, row => row.Kind),
        ("namespace", DbType.String, row => row.Namespace),
        ("budget", DbType.String, row => row.Budget),
        ("\"key\"", DbType.String, row => row.Key),
        ("unit", DbType.String, row => row.Unit),
        ("shape", DbType.String, row => row.Shape),
        ("\"window\"", DbType.String, row => row.Window),
        ("created_ms", DbType.Int64, row => row.CreatedMs),
        ("reservation_id", DbType.String, row => row.ReservationId),
        ("agent_id", DbType.String, row => row.AgentId),
        ("run_id", DbType.String, row => row.RunId),
        ("amount", DbType.Int64, row => row.Amount),
        ("actual", DbType.Int64, row => row.Actual),
        ("late", DbType.Boolean, row => row.Late),
        ("overrun", DbType.Boolean, row => row.Overrun),
        ("verification", DbType.String, row => row.Verification),
        ("claimed", DbType.Int64, row => row.Claimed),
        ("recomputed", DbType.Int64, row => row.Recomputed),
        ("model", DbType.String, row => row.Model),
        ("price_table", DbType.String, row => row.PriceTable),
        ("rule", DbType.String, row => row.Rule),
        ("reason", DbType.String, row => row.Reason),
        ("\"by\"", DbType.String, row => row.By));

    public async Task ProjectAsync(MeshDb db, IReadOnlyList<JournalRow> rows, CancellationToken cancellationToken)
    {
        var entries = rows.Where(row => row.Type.StartsWith(Prefix, StringComparison.Ordinal)).SelectMany(EntriesOf).ToList();
        if (entries.Count > 0)
        {
            await Insert.RunAsync(db, entries, cancellationToken);
        }
    }

    /// <summary>One for each budget of the event; an alert changes none.</summary>
    private static IEnumerable<LedgerRow> EntriesOf(JournalRow row)
    {
        using var data = JsonDocument.Parse(row.Data);
        var said = data.RootElement;
        if (!said.TryGetProperty("request", out var request) || JsonSerializer.Deserialize(request, ReservationPayloadJson.Default.ReservationPayload) is not { } payload)
        {
            return [];
        }

        return [.. payload.Budgets.Select((line, index) => new LedgerRow
        {
            Id = (row.Id * 8) + index,
            At = row.At,
            Kind = row.Type[Prefix.Length..],
            Namespace = row.Namespace,
            Budget = line.Name,
            Key = line.Key ?? "",
            Unit = payload.Unit,
            Shape = line.Shape,
            Window = line.Window ?? "",
            CreatedMs = Number(said, "created_ms") ?? 0,
            ReservationId = payload.ReservationId.Length > 0 ? payload.ReservationId : null,
            AgentId = row.AgentId,
            RunId = payload.RunId,
            Amount = payload.Amount,
            Actual = Number(said, "actual"),
            Late = Text(said, "late") is not null,
            Overrun = Text(said, "overrun") is not null,
            Verification = Text(said, "verification"),
            Claimed = Number(said, "claimed"),
            Recomputed = Number(said, "recomputed"),
            Model = Text(said, "model"),
            PriceTable = Text(said, "price_table"),
            Rule = payload.Rule,
            Reason = payload.Reason,
            By = payload.By,
        })];
    }

    private static string? Text(JsonElement said, string name) => said.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static long? Number(JsonElement said, string name) => !said.TryGetProperty(name, out var value) ? null
        : value.ValueKind == JsonValueKind.Number ? value.GetInt64() : long.TryParse(value.GetString(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : null;
}
