using ProtoMesh.Contracts.Policies;
using ProtoMesh.Server.Cel;

namespace ProtoMesh.Server.Policies;

/// <summary>A rule that spoke against an action, or that asks for something, with the slots that it saw.</summary>
/// <param name="Rule">The rule.</param>
/// <param name="Fault">Why it could not be evaluated; such a rule denies.</param>
/// <param name="Slots">Its inputs.</param>
internal sealed record RuleHit(PolicyRule Rule, CelFault? Fault, CelValue[] Slots);

/// <summary>
/// What the rules say before anything is asked of the store: deny beats approval beats what is required beats allow beats
/// the default. A deny, approval or requirement that cannot be evaluated denies; an allow that cannot is skipped.
/// </summary>
internal sealed class PolicyEvaluation
{
    /// <summary>How many conditions are explained: an explanation costs about as much as the condition did.</summary>
    private const int MostExplained = 16;

    private CelBudget _budget = CelBudget.ForDecision();

    /// <summary>Rules in audit mode have a budget of their own: they must not make an enforced one fail.</summary>
    private CelBudget _auditBudget = CelBudget.ForDecision();
    private int _explained;
    private bool _isFirst = true;
    private CelValue[]? _input;
    private List<CelValue[]>? _inputs;

    /// <summary>Deny and approval rules that held, in the document's order, audit ones too.</summary>
    public List<RuleHit> Against { get; } = [];

    /// <summary>Rules that require something of this action.</summary>
    public List<RuleHit> Required { get; } = [];

    /// <summary>What the rules saw, once for each resource.</summary>
    public IReadOnlyList<CelValue[]> Inputs => _inputs ?? (_input is null ? [] : [_input]);

    /// <summary>Whether a rule that is enforced, or any rule at all, allowed it.</summary>
    public bool IsAllowed { get; private set; }

    public bool WouldBeAllowed { get; private set; }

    /// <summary>Evaluates every rule about the action; once for each resource, and all of them have to be allowed. A pure function of the set and the slots.</summary>
    public void Add(PolicySet set, PolicyPlan plan, CelValue[] slots)
    {
        Keep(slots);
        foreach (var rule in plan.Against)
        {
            if (Holds(rule, slots, out var fault) || fault is not null)
            {
                Against.Add(new RuleHit(rule, fault, slots));
            }
        }

        foreach (var rule in plan.Requiring)
        {
            if (Holds(rule, slots, out var fault) || fault is not null)
            {
                (fault is null ? Required : Against).Add(new RuleHit(rule, fault, slots));
            }
        }

        var (allowed, wouldBe) = (set.AllowsByDefault || set.IsAudit, set.AllowsByDefault);
        foreach (var rule in plan.Allowing)
        {
            if (allowed && wouldBe)
            {
                break;
            }

            if (Holds(rule, slots, out _))
            {
                wouldBe = true;
                allowed |= !rule.IsAudit;
            }
        }

        IsAllowed = allowed && (IsAllowed || _isFirst);
        WouldBeAllowed = wouldBe && (WouldBeAllowed || _isFirst);
        _isFirst = false;
    }

    /// <summary>An enforced rule that asks for an approval.</summary>
    public static bool Asks(RuleHit hit) => hit is { Rule: { Effect: RuleEffect.RequireApproval, IsAudit: false }, Fault: null };

    /// <summary>With the rules in audit mode, or without them. What is approved is allowed, unless a rule denies it.</summary>
    public string Verdict(bool withAudit, bool isApproved = false)
    {
        var approval = false;
        foreach (var hit in Against)
        {
            if (!withAudit && hit.Rule.IsAudit)
            {
                continue;
            }

            if (hit.Rule.Effect != RuleEffect.RequireApproval || hit.Fault is not null)
            {
                return PolicyVerdict.Deny;
            }

            approval |= !isApproved || hit.Rule.IsAudit;
        }

        if (isApproved && !approval)
        {
            return PolicyVerdict.Allow;
        }

        return approval ? PolicyVerdict.RequireApproval : (withAudit ? WouldBeAllowed : IsAllowed) ? PolicyVerdict.Allow : PolicyVerdict.Deny;
    }

    /// <summary>Evaluates a further expression of a rule, at the expense of the same decision.</summary>
    public CelValue Evaluate(CelProgram program, CelValue[] slots) => program.Evaluate(slots, ref _budget);

    /// <summary>Most actions are about one resource, and need no list.</summary>
    private void Keep(CelValue[] slots)
    {
        if (_input is not null)
        {
            (_inputs ??= [_input]).Add(slots);
        }

        _input ??= slots;
    }

    /// <summary>What a condition read and what would change it; null for none, and when enough have been explained.</summary>
    public CelExplanation? Explain(CelProgram? condition, CelValue[] slots) =>
        condition is null || _explained++ >= MostExplained ? null : condition.Explain(slots);

    private bool Holds(PolicyRule rule, CelValue[] slots, out CelFault? fault)
    {
        fault = null;
        if (rule.When is not { } when)
        {
            return true;
        }

        var value = rule.IsAudit ? when.Evaluate(slots, ref _auditBudget) : when.Evaluate(slots, ref _budget);
        fault = value.Fault;
        return value.IsTrue;
    }
}
