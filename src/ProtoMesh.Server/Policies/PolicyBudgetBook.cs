using System.Text.Json;
using ProtoMesh.Contracts;
using ProtoMesh.Server.Budgets;
using ProtoMesh.Server.Cel;

namespace ProtoMesh.Server.Policies;

/// <summary>What the active policies say of budgets.</summary>
internal sealed class PolicyBudgetBook(ActivePolicies policies, PolicySubjects subjects, TimeProvider time) : IBudgetBook
{
    /// <summary>The action of a reservation that no rule asked for, for keys that read it.</summary>
    private const string Action = "budget.reserve";

    public IReadOnlyList<BudgetDefinition> Of(string space) => [.. policies.Of(space).Set.Budgets.Select(budget => budget.Definition)];

    public (string Name, int Version, string Sha256) PolicyOf(string space) =>
        policies.Of(space) is { Set: var set, Version: var version } ? (set.Name, version, set.Sha256) : throw new InvalidOperationException("A namespace has a policy.");

    public (string Key, string? Problem) KeyOf(BudgetSubject subject, BudgetDefinition budget)
    {
        var set = policies.Of(subject.Namespace).Set;
        if (set.Budgets.FirstOrDefault(known => known.Definition.Name == budget.Name) is not { Key: { } key } own)
        {
            return ("", null);
        }

        var errors = new List<FieldError>();
        var question = new PolicyQuestion
        {
            Namespace = subject.Namespace, AgentId = subject.AgentId, Action = Action, Resources = [], Facts = subject.Facts, RunId = subject.RunId,
            Metadata = subject.Metadata is { ValueKind: JsonValueKind.Object } ? subject.Metadata : null,
        };
        var reader = subjects.Read(question, null, errors);

        // What the rules need of metadata is not asked for where only a key is worked out.
        var metadata = key.Paths.Any(path => path.StartsWith("metadata", StringComparison.Ordinal)) ? set.Metadata.Read(question.Metadata, errors) : set.Metadata.Defaults;
        if (errors.Count > 0)
        {
            return ("", $"{errors[0].Field} is {errors[0].Rule}");
        }

        var slots = PolicyDecider.SlotsOf(set, question, reader, null, LockFacts.Free.Value(), metadata, time.GetUtcNow());
        var cost = CelBudget.ForDecision();
        var (slot, fault) = own.SlotOf(program => program.Evaluate(slots, ref cost));
        return fault is null ? (slot.Key, null) : ("", fault.Message);
    }
}
