using System.Text.Json.Serialization;

namespace ProtoMesh.Contracts.Budgets;

/// <summary>How the records of this room are written and read, without reflection.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ReserveBudget))]
[JsonSerializable(typeof(CommitBudget))]
[JsonSerializable(typeof(ReleaseBudget))]
[JsonSerializable(typeof(TopUpBudget))]
[JsonSerializable(typeof(RebuildBudget))]
[JsonSerializable(typeof(Reservation))]
[JsonSerializable(typeof(BudgetList))]
[JsonSerializable(typeof(BudgetUsage))]
[JsonSerializable(typeof(LedgerPage))]
[JsonSerializable(typeof(PriceList))]
public sealed partial class BudgetsJson : JsonSerializerContext;
