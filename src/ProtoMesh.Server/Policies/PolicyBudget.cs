using ProtoMesh.Server.Budgets;
using ProtoMesh.Server.Cel;

namespace ProtoMesh.Server.Policies;

/// <summary>A budget of a policy, with its key compiled.</summary>
internal sealed record PolicyBudget(BudgetDefinition Definition, CelProgram? Key)
{
    /// <summary>Whose counter is used, or why that cannot be told.</summary>
    public (BudgetSlot Slot, CelFault? Fault) SlotOf(Func<CelProgram, CelValue> evaluate)
    {
        if (Key is null)
        {
            return (new BudgetSlot(Definition, ""), null);
        }

        var value = evaluate(Key);
        return value is { Kind: CelKind.String, AsString: var text } && BudgetSlot.IsKey(text) ? (new BudgetSlot(Definition, text), null)
            : (default, new CelFault($"the key of budget {Definition.Name}: {value.Fault?.Message ?? $"it has to be {BudgetSlot.KeyRule}"}", default));
    }
}
