using ProtoMesh.Server.Access;
using System.Text.Json;

namespace ProtoMesh.Server.Budgets;

/// <summary>A budget as the active policy defines it.</summary>
/// <param name="Name">Its name there.</param>
/// <param name="Unit">Of every amount of it.</param>
/// <param name="Cap">The most that may be spent in a window.</param>
/// <param name="Key">The expression that tells whose counter is used; null when there is one for the namespace.</param>
/// <param name="Window">When it starts anew.</param>
/// <param name="Alerts">Percents of the cap, rising.</param>
internal sealed record BudgetDefinition(string Name, string Unit, long Cap, string? Key, BudgetWindow Window, IReadOnlyList<int> Alerts);

/// <summary>Who spends, as far as a key may read it.</summary>
internal sealed record BudgetSubject(string Namespace, string AgentId, KeyFacts? Facts, string? RunId, JsonElement? Metadata);

/// <summary>What this room has to know of the policies. The Policies room implements it.</summary>
internal interface IBudgetBook
{
    /// <summary>The budgets of a namespace, in the order of its active policy.</summary>
    /// <exception cref="Store.StoreException">The policies were never read.</exception>
    IReadOnlyList<BudgetDefinition> Of(string space);

    /// <summary>Which version of which document defines them.</summary>
    (string Name, int Version, string Sha256) PolicyOf(string space);

    /// <summary>Whose counter of a budget a subject uses, empty where there is one for all; or why that cannot be told.</summary>
    (string Key, string? Problem) KeyOf(BudgetSubject subject, BudgetDefinition budget);
}
