using ProtoMesh.Server.Cel;

namespace ProtoMesh.Server.Policies;

/// <summary>What a rule does when its condition holds.</summary>
internal enum RuleEffect
{
    Deny,
    RequireApproval,
    Require,
    Allow,
}

/// <summary>One rule, compiled.</summary>
internal sealed class PolicyRule
{
    public required string Id { get; init; }

    public required RuleEffect Effect { get; init; }

    /// <summary>Stable for programs; made of the id when the document has none.</summary>
    public required string Code { get; init; }

    /// <summary>Action names and globs, where <c>*</c> stands for any run of characters.</summary>
    public required IReadOnlyList<string> Actions { get; init; }

    /// <summary>Null: always.</summary>
    public CelProgram? When { get; init; }

    /// <summary>A text for whoever is refused; null: a sentence made of the condition.</summary>
    public CelProgram? Message { get; init; }

    /// <summary>Evaluated and recorded, never enforced.</summary>
    public required bool IsAudit { get; init; }

    public LockRequirement? Lock { get; init; }

    public RateRequirement? Rate { get; init; }

    public BudgetRequirement? Budget { get; init; }

    public Approvers? Approvers { get; init; }

    /// <summary>Where its condition starts, or the rule when it has none.</summary>
    public required int Line { get; init; }

    public required int Column { get; init; }

    /// <summary>Every expression of it.</summary>
    public IEnumerable<CelProgram> Programs => new[] { When, Message, Lock?.Resource, Rate?.Key, Budget?.Amount }.OfType<CelProgram>();

    /// <summary>Whether it is about an action.</summary>
    public bool IsAbout(string action)
    {
        foreach (var pattern in Actions)
        {
            if (ActionGlob.Matches(pattern, action))
            {
                return true;
            }
        }

        return false;
    }
}

/// <summary>The caller holds a lease: of which resource, in which mode at least, and for how much longer.</summary>
internal sealed record LockRequirement(CelProgram Resource, string Mode, long MinRemainingMs);

/// <summary>At most <paramref name="Limit"/> in any <paramref name="Window"/> for each value of the key.</summary>
internal sealed record RateRequirement(CelProgram Key, int Limit, TimeSpan Window);

/// <summary>An amount of every named budget, held until the real cost is known.</summary>
internal sealed record BudgetRequirement(IReadOnlyList<PolicyBudget> Budgets, CelProgram Amount, TimeSpan Hold);

/// <summary>Who may approve.</summary>
internal sealed record Approvers(string Group, int Quorum, TimeSpan Expires)
{
    /// <summary>Of a rule that names none.</summary>
    public static Approvers Default { get; } = new("approvers", 1, TimeSpan.FromHours(1));
}
