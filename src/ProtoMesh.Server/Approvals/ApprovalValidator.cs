using System.Globalization;
using System.Text.Json;
using ProtoMesh.Contracts;
using ProtoMesh.Contracts.Approvals;
using ProtoMesh.Server.Access;
using ProtoMesh.Server.Http;
using ProtoMesh.Server.Policies;
using ProtoMesh.Server.Store;

namespace ProtoMesh.Server.Approvals;

/// <summary>Checks what the calls about approvals are given. Whatever is wrong is named with its rule.</summary>
internal static class ApprovalValidator
{
    public const long DefaultValidMs = 3_600_000;
    private const long MostValidMs = 86_400_000;
    private const long MostGrantMs = 7 * 86_400_000;
    private const int MostUses = 10_000;
    private const int MostCondition = 4_096;
    private const string CommentRule = "1 to 500 bytes without control characters";
    private const int MostResources = 64;

    public static (PolicyQuestion? Question, Problem? Problem) Read(RequestApproval body)
    {
        var errors = new List<FieldError>();
        var space = body.Namespace ?? ResourceName.DefaultNamespace;
        PolicyRequests.Require(errors, "agent_id", body.AgentId is not null && PolicyRequests.IsText(body.AgentId, 128), CheckValidator.TextRule, body.AgentId);
        PolicyRequests.Require(errors, "action", PolicyMetadata.IsAction(body.Action), PolicyMetadata.ActionRule, body.Action);
        PolicyRequests.Require(errors, "namespace", ResourceName.IsNamespace(space), ResourceName.NamespaceRule, body.Namespace);
        PolicyRequests.Require(errors, "run_id", body.RunId is null || PolicyRequests.IsText(body.RunId, 128), CheckValidator.TextRule, body.RunId);
        Comment("reason", body.Reason, errors);
        PolicyRequests.Require(errors, "resource", body.Resource is null || body.Resources is null, "not with resources", body.Resource);
        PolicyRequests.Require(errors, "resources", body.Resources is null or { Count: >= 1 and <= MostResources }, $"1 to {MostResources} resources", body.Resources?.Count);
        var names = new List<ResourceName>();
        var asked = body.Resource is not null ? [("resource", body.Resource)] : (body.Resources ?? []).Take(MostResources).Select((text, index) => ($"resources[{index}]", text));
        foreach (var (field, text) in asked)
        {
            var isName = ResourceName.TryParse(space, text, out var name);
            PolicyRequests.Require(errors, field, isName, ResourceName.Rule, text);
            PolicyRequests.Require(errors, field, !isName || !names.Contains(name), "each resource once", text);
            names.Add(name);
        }

        PolicyMetadata.Check(body.Metadata, (field, rule, value) => errors.Add(Problems.Field(field, rule, value)));
        return errors.Count > 0 ? (null, Problems.Invalid(errors)) : (new PolicyQuestion
        {
            Namespace = space, AgentId = body.AgentId!, Action = body.Action!, Resources = names, RunId = body.RunId, Reason = body.Reason,
            Metadata = body.Metadata is { ValueKind: JsonValueKind.Object } ? body.Metadata : null,
        }, null);
    }

    public static Approver? Check(ApproveApproval body, Caller caller, List<FieldError> errors)
    {
        Comment("comment", body.Comment, errors);
        PolicyRequests.Require(errors, "valid_ms", body.ValidMs is null or (>= 1_000 and <= MostValidMs), $"1000 to {MostValidMs}", body.ValidMs);
        PolicyMetadata.Check(body.Metadata, (field, rule, value) => errors.Add(Problems.Field(field, rule, value)));
        return Who(body.Approver, caller, errors);
    }

    public static Approver? Check(DenyApproval body, Caller caller, List<FieldError> errors)
    {
        Comment("comment", body.Comment, errors);
        return Who(body.Approver, caller, errors);
    }

    public static Approver? Check(CreateStandingGrant body, string? space, ActivePolicies policies, Caller caller, List<FieldError> errors)
    {
        PolicyRequests.Require(errors, "namespace", space is null || ResourceName.IsNamespace(space), ResourceName.NamespaceRule, body.Namespace);
        PolicyRequests.Require(errors, "group", body.Group is not null && PolicyRequests.IsText(body.Group, 64), "1 to 64 bytes without control characters", body.Group);
        PolicyRequests.Require(errors, "agent_id", body.AgentId is null || PolicyRequests.IsText(body.AgentId, 128), CheckValidator.TextRule, body.AgentId);
        PolicyRequests.Require(errors, "action", PolicyMetadata.IsAction(body.Action), PolicyMetadata.ActionRule, body.Action);
        PolicyRequests.Require(errors, "resource", body.Resource is null || ResourceName.TryParse(ResourceName.DefaultNamespace, body.Resource, out _), ResourceName.Rule, body.Resource);
        PolicyRequests.Require(errors, "expires_in_ms", body.ExpiresInMs is >= 1_000 and <= MostGrantMs, $"required: 1000 to {MostGrantMs}", body.ExpiresInMs);
        PolicyRequests.Require(errors, "uses", body.Uses is >= 1 and <= MostUses, $"required: 1 to {MostUses}", body.Uses);
        Comment("comment", body.Comment, errors);
        if (body.Condition is { } condition)
        {
            PolicyRequests.Require(errors, "condition", condition.Length is > 0 and <= MostCondition && !condition.Contains('\0', StringComparison.Ordinal), $"1 to {MostCondition} characters of CEL", condition);
            if (errors.Count == 0 && IssueIn(condition, policies.Of(space ?? ResourceName.DefaultNamespace).Set) is var (line, column, message))
            {
                errors.Add(Problems.Field("condition", string.Create(CultureInfo.InvariantCulture, $"CEL that the active policy understands; at {line}:{column} {message}"), condition));
            }
        }

        return Who(body.Approver, caller, errors);
    }

    public static int Limit(string? text, List<FieldError> errors) => PolicyRequests.Limit(text, errors);

    public static void Filter(string? space, string? state, string? agentId, string? group, string? action, List<FieldError> errors)
    {
        PolicyRequests.Require(errors, "namespace", space is null || ResourceName.IsNamespace(space), ResourceName.NamespaceRule, space);
        PolicyRequests.Require(errors, "state", state is null || ApprovalState.All.Contains(state, StringComparer.Ordinal), string.Join(", ", ApprovalState.All), state);
        PolicyRequests.Require(errors, "agent_id", agentId is null || PolicyRequests.IsText(agentId, 128), CheckValidator.TextRule, agentId);
        PolicyRequests.Require(errors, "group", group is null || PolicyRequests.IsText(group, 64), "1 to 64 bytes without control characters", group);
        PolicyRequests.Require(errors, "action", action is null || PolicyMetadata.IsAction(action), PolicyMetadata.ActionRule, action);
    }

    /// <summary>Why the policy cannot evaluate a condition: it is not CEL, or names what the policy does not have.</summary>
    private static (int Line, int Column, string Message)? IssueIn(string condition, PolicySet set)
    {
        if (set.Environment.Compile(condition, Cel.CelType.Bool, out var issue) is null)
        {
            return (issue!.Line, issue.Column, issue.Message);
        }

        return BudgetFacts.Refusal(condition, set.Budgets) is var (at, problem) && BudgetFacts.PlaceOf(condition, at) is var (line, column) ? (line, column, problem) : null;
    }

    /// <summary>With keys the key says who decides; without, a name has to.</summary>
    private static Approver? Who(string? claimed, Caller caller, List<FieldError> errors)
    {
        if (caller.KeyId is { } id)
        {
            PolicyRequests.Require(errors, "approver", claimed is null, $"{caller.Name}, which the key says; leave it out", claimed);
            return new Approver(id, caller.Name!);
        }

        PolicyRequests.Require(errors, "approver", claimed is not null && PolicyRequests.IsText(claimed, 128), $"required while there are no keys: {CheckValidator.TextRule}", claimed);
        return claimed is null ? null : new Approver(claimed, claimed);
    }

    private static void Comment(string field, string? text, List<FieldError> errors) =>
        PolicyRequests.Require(errors, field, text is null || PolicyRequests.IsText(text, 500), CommentRule, text);
}
