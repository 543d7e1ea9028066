using System.Globalization;
using System.Text.Json;
using ProtoMesh.Contracts.Policies;
using ProtoMesh.Server.Cel;

namespace ProtoMesh.Server.Policies;

/// <summary>Says in words why a rule spoke against an action, what it saw, and what would change it.</summary>
internal static class PolicyReasons
{
    public const string Default = "defaults";
    private const int MostMessage = 1_024;

    public static PolicyReason Of(PolicySet set, RuleHit hit, PolicyEvaluation evaluation)
    {
        var rule = hit.Rule;
        var at = At(set, rule);
        var effect = rule.Effect switch { RuleEffect.RequireApproval => PolicyVerdict.RequireApproval, RuleEffect.Require when rule.Lock is not null => "lock", RuleEffect.Require when rule.Budget is not null => "budget", RuleEffect.Require => "rate", _ => PolicyVerdict.Deny };
        if (hit.Fault is { } fault)
        {
            return new PolicyReason
            {
                Rule = rule.Id, Code = rule.Code, Effect = PolicyVerdict.Deny, At = at,
                Message = Shortened($"Rule {rule.Id} could not be evaluated, so it denies: {fault.Message}."),
                Values = evaluation.Explain(rule.When, hit.Slots) is { } seen ? Values(seen) : null,
            };
        }

        var explanation = evaluation.Explain(rule.When, hit.Slots);
        return new PolicyReason
        {
            Rule = rule.Id,
            Code = rule.Code,
            Effect = effect,
            Message = Message(rule, hit.Slots, evaluation),
            At = at,
            Values = explanation is null ? null : Values(explanation),
            ToChange = explanation is { ToChange.Count: > 0 } ? explanation.ToChange : null,
        };
    }

    /// <summary>No rule allowed it.</summary>
    public static PolicyReason Nothing(PolicySet set, string action) => new()
    {
        Rule = Default,
        Code = "NO_RULE_ALLOWS",
        Effect = PolicyVerdict.Deny,
        Message = $"No rule of {set.Name} allows {action}, and what no rule allows is denied.",
        At = $"{set.Name}.yaml:1:1",
    };

    /// <summary>Why an obligation was not met.</summary>
    public static PolicyReason Of(PolicySet set, ObligationResult result, CelValue[] slots, PolicyQuestion question, PolicyEvaluation evaluation)
    {
        var rule = result.Obligation.Rule;
        if (result.Obligation is Obligation.Budget budget)
        {
            var refusal = BudgetReasons.Of(budget, result, At(set, rule));
            return rule.Message is null ? refusal : refusal with { Message = Message(rule, slots, evaluation) };
        }

        var (effect, sentence, change) = result.Obligation switch
        {
            Obligation.Lease lease => ("lock", SentenceOf(lease, result), ChangeOf(lease, question)),
            Obligation.Rate rate => ("rate", SentenceOf(rate, result), string.Create(CultureInfo.InvariantCulture, $"wait {result.InMs} ms")),
            _ => throw new InvalidOperationException("There are two kinds of obligations."),
        };
        return new PolicyReason
        {
            Rule = rule.Id,
            Code = rule.Code,
            Effect = effect,
            Message = rule.Message is null ? Shortened(sentence) : Message(rule, slots, evaluation),
            At = At(set, rule),
            ToChange = [change],
            RetryAfterMs = result.Obligation is Obligation.Rate ? result.InMs : null,
        };
    }

    public static string At(PolicySet set, PolicyRule rule) => string.Create(CultureInfo.InvariantCulture, $"{set.Name}.yaml:{rule.Line}:{rule.Column}");

    private static string SentenceOf(Obligation.Lease lease, ObligationResult result)
    {
        var (resource, need) = (lease.Resource.Short, lease.Rule.Lock!);
        return result.Verdict switch
        {
            "missing" when lease.Token is null => $"{lease.AgentId} has to hold a lease on {resource} ({need.Mode}) and send its fencing_token.",
            "missing" => $"The fencing_token is not that of a live lease of {lease.AgentId} on {resource}.",
            "mode" => $"The lease on {resource} is not {need.Mode}.",
            _ => string.Create(CultureInfo.InvariantCulture, $"The lease on {resource} lives for only {result.InMs} ms more; {need.MinRemainingMs} are required."),
        };
    }

    private static string ChangeOf(Obligation.Lease lease, PolicyQuestion question)
    {
        var need = lease.Rule.Lock!;
        var least = need.MinRemainingMs > 0 ? string.Create(CultureInfo.InvariantCulture, $" that lives for at least {need.MinRemainingMs} ms") : "";
        if (question.Requests.Count > 0 && question.Resources.Contains(lease.Resource))
        {
            return string.Create(CultureInfo.InvariantCulture, $"request {lease.Resource.Short} with mode {need.Mode}, ttl_ms and max_hold_ms of at least {need.MinRemainingMs}, and without reentrant");
        }

        return $"hold a lease on {lease.Resource.Short} ({need.Mode}){least} and send its fencing_token";
    }

    private static string SentenceOf(Obligation.Rate rate, ObligationResult result)
    {
        var need = rate.Rule.Rate!;
        return string.Create(CultureInfo.InvariantCulture, $"The limit of {need.Limit} in {Documents.Fields.Written(need.Window)} is used up; the next place is free in {result.InMs} ms.");
    }

    private static string Message(PolicyRule rule, CelValue[] slots, PolicyEvaluation evaluation)
    {
        CelValue? told = rule.Message is null ? null : evaluation.Evaluate(rule.Message, slots);
        return Shortened(told is { Kind: CelKind.String } text ? text.AsString
            : rule.When is { } when ? $"Rule {rule.Id} {Verb(rule)} because {when.Source}"
            : $"Rule {rule.Id} {Verb(rule)}, always");
    }

    private static string Verb(PolicyRule rule) => rule.Effect == RuleEffect.RequireApproval ? "requires an approval" : "denies";

    private static Dictionary<string, JsonElement>? Values(CelExplanation explanation)
    {
        if (explanation.Values.Count == 0)
        {
            return null;
        }

        var values = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
        foreach (var (path, value) in explanation.Values)
        {
            values[path] = CelJson.ElementOf(value);
        }

        return values;
    }

    private static string Shortened(string text) => text.Length <= MostMessage ? text : $"{text[..(MostMessage - 1)]}…";
}
