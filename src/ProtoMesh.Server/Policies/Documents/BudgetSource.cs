using ProtoMesh.Server.Budgets;

namespace ProtoMesh.Server.Policies.Documents;

/// <summary>A budget as it was written; its key is not compiled yet.</summary>
internal sealed record BudgetSource(BudgetDefinition Definition, YamlText? Key, int Line, int Column);

/// <summary>What a rule takes of which budgets.</summary>
internal sealed record BudgetUseSource(IReadOnlyList<YamlText> Names, YamlText Amount, TimeSpan Hold);
