using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using ProtoMesh.Contracts;
using ProtoMesh.Contracts.Policies;
using ProtoMesh.Server.Http;
using ProtoMesh.Server.Store;

namespace ProtoMesh.Server.Policies;

/// <summary>Checks every field of a question and fills in the defaults. Whatever is wrong is named with its rule.</summary>
internal static partial class CheckValidator
{
    public const int MostChecks = 100;
    public const string TextRule = "1 to 128 bytes without control characters";
    public const string TokenRule = "the fencing_token of the caller's lease, 1 to 9007199254740991";
    public const string RequestIdRule = "8 to 64 of A-Z, a-z, 0-9, _ and -";

    public static (PolicyQuestion? Question, Problem? Problem) Read(CheckPolicy body, bool isDryRun)
    {
        var errors = new List<FieldError>();
        var space = body.Namespace ?? ResourceName.DefaultNamespace;
        Require(errors, "agent_id", IsText(body.AgentId), TextRule, body.AgentId);
        Require(errors, "action", PolicyMetadata.IsAction(body.Action), PolicyMetadata.ActionRule, body.Action);
        Require(errors, "namespace", ResourceName.IsNamespace(space), ResourceName.NamespaceRule, body.Namespace);
        Require(errors, "request_id", body.RequestId is null || RequestIdPattern().IsMatch(body.RequestId), RequestIdRule, body.RequestId);
        Require(errors, "fencing_token", body.FencingToken is null or >= 1 and <= 9_007_199_254_740_991, TokenRule, body.FencingToken);
        ResourceName name = default;
        Require(errors, "resource", body.Resource is null || ResourceName.TryParse(space, body.Resource, out name), ResourceName.Rule, body.Resource);
        Require(errors, "resource", body.FencingToken is null || body.Resource is not null, "required with fencing_token", null);
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
            IsDryRun = isDryRun,
        }, null);
    }

    private static bool IsText(string? text) =>
        text is { Length: > 0 and <= 128 } && Encoding.UTF8.GetByteCount(text) <= 128 && !text.Any(char.IsControl);

    private static void Require(List<FieldError> errors, string field, bool holds, string rule, object? value)
    {
        if (!holds)
        {
            errors.Add(Problems.Field(field, rule, value));
        }
    }

    [GeneratedRegex("^[A-Za-z0-9_-]{8,64}\\z")]
    private static partial Regex RequestIdPattern();
}
