using System.Text.Json;
using ProtoMesh.Contracts;
using ProtoMesh.Contracts.Policies;
using ProtoMesh.Server.Http;
using ProtoMesh.Server.Store;

namespace ProtoMesh.Server.Policies;

/// <summary>Checks every field of a question and fills in the defaults. Whatever is wrong is named with its rule.</summary>
internal static class CheckValidator
{
    public const int MostChecks = 100;
    public const string TextRule = "1 to 128 bytes without control characters";
    public const string TokenRule = "the fencing_token of the caller's lease, 1 to 9007199254740991";

    public static (PolicyQuestion? Question, Problem? Problem) Read(CheckPolicy body, bool isDryRun)
    {
        var errors = new List<FieldError>();
        var space = body.Namespace ?? ResourceName.DefaultNamespace;
        PolicyRequests.Require(errors, "agent_id", body.AgentId is not null && PolicyRequests.IsText(body.AgentId, 128), TextRule, body.AgentId);
        PolicyRequests.Require(errors, "action", PolicyMetadata.IsAction(body.Action), PolicyMetadata.ActionRule, body.Action);
        PolicyRequests.Require(errors, "namespace", ResourceName.IsNamespace(space), ResourceName.NamespaceRule, body.Namespace);
        PolicyRequests.Require(errors, "request_id", body.RequestId is null || RequestIds.IsValid(body.RequestId), RequestIds.Rule, body.RequestId);
        PolicyRequests.Require(errors, "fencing_token", body.FencingToken is null or >= 1 and <= 9_007_199_254_740_991, TokenRule, body.FencingToken);
        ResourceName name = default;
        PolicyRequests.Require(errors, "resource", body.Resource is null || ResourceName.TryParse(space, body.Resource, out name), ResourceName.Rule, body.Resource);
        PolicyRequests.Require(errors, "resource", body.FencingToken is null || body.Resource is not null, "required with fencing_token", null);
        PolicyRequests.Require(errors, "run_id", body.RunId is null || PolicyRequests.IsText(body.RunId, 128), TextRule, body.RunId);
        PolicyRequests.Require(errors, "approval_id", body.ApprovalId is null || PolicyRequests.IsApprovalId(body.ApprovalId), PolicyRequests.ApprovalIdRule, body.ApprovalId);
        PolicyMetadata.Check(body.Metadata, (field, rule, value) => errors.Add(Problems.Field(field, rule, value)));
        return errors.Count > 0 ? (null, Problems.Invalid(errors)) : (new PolicyQuestion
        {
            Namespace = space,
            AgentId = body.AgentId!,
            Action = body.Action!,
            Resources = body.Resource is null ? [] : [name],
            FencingToken = body.FencingToken,
            RequestId = body.RequestId,
            Metadata = body.Metadata is { ValueKind: JsonValueKind.Object } ? body.Metadata : null,
            RunId = body.RunId,
            ApprovalId = body.ApprovalId,
            IsDryRun = isDryRun,
        }, null);
    }
}
