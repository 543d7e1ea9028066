using ProtoMesh.Server.Cel;

namespace ProtoMesh.Server.Policies;

/// <summary>The rules about one action, and what has to be known to decide it.</summary>
internal sealed class PolicyPlan
{
    public PolicyPlan(IEnumerable<PolicyRule> rules)
    {
        var all = rules.ToList();
        Against = [.. all.Where(rule => rule.Effect is RuleEffect.Deny or RuleEffect.RequireApproval)];
        Requiring = [.. all.Where(rule => rule.Effect == RuleEffect.Require)];
        Allowing = [.. all.Where(rule => rule.Effect == RuleEffect.Allow)];
        var paths = all.SelectMany(rule => rule.Programs.Concat(rule.Budget?.Budgets.Select(budget => budget.Key).OfType<CelProgram>() ?? [])).SelectMany(program => program.Paths).ToHashSet(StringComparer.Ordinal);
        NeedsLock = HasPath(paths, "lock");
        NeedsBudgets = HasPath(paths, "budget");
        Reads = [.. PolicySubject.TrustedPaths.Where(trusted => paths.Any(path => path == trusted || path == trusted.Split('.')[0] || path.StartsWith($"{trusted}.", StringComparison.Ordinal)))];
    }

    /// <summary>Deny and approval rules: all of them are evaluated.</summary>
    public PolicyRule[] Against { get; }

    public PolicyRule[] Requiring { get; }

    public PolicyRule[] Allowing { get; }

    /// <summary>Whether a rule reads how the resource is held, which costs a look into the store.</summary>
    public bool NeedsLock { get; }

    /// <summary>Whether a rule reads how budgets stand, which costs another.</summary>
    public bool NeedsBudgets { get; }

    /// <summary>The trusted inputs that a rule reads; the answer tells where they came from.</summary>
    public string[] Reads { get; }

    /// <summary>Whether one of the paths is a variable or begins with it.</summary>
    public static bool HasPath(IEnumerable<string> paths, string variable) =>
        paths.Any(path => path == variable || path.StartsWith($"{variable}.", StringComparison.Ordinal));
}
