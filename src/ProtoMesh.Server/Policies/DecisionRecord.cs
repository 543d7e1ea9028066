using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using ProtoMesh.Contracts.Policies;
using ProtoMesh.Server.Cel;
using ProtoMesh.Server.Http;

namespace ProtoMesh.Server.Policies;

/// <summary>Turns decisions into rows and rows into what the wire shows.</summary>
internal static class DecisionRecord
{
    private static readonly JsonSerializerOptions Relaxed = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private static readonly PoliciesJson Json = new(new JsonSerializerOptions(PoliciesJson.Default.Options)
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, Converters = { new TimeConverter() },
    });

    public static DecisionRow RowOf(PendingDecision pending)
    {
        var (builder, decision) = (pending.Builder, pending.Decision);
        var question = builder.Question;
        var inputs = builder.Evaluation.Inputs;
        return new DecisionRow
        {
            DecisionId = decision.DecisionId,
            At = builder.Now.UtcDateTime,
            Namespace = question.Namespace,
            AgentId = question.AgentId,
            Action = question.Action,
            Resource = question.Resources is [var first, ..] ? first.Short : null,
            PolicyName = decision.Policy.Name,
            PolicyVersion = decision.Policy.Version,
            PolicySha256 = decision.Policy.Sha256,
            Decision = decision.Decision,
            Would = builder.Would,
            DryRun = question.IsDryRun,
            Rules = new JsonArray([.. builder.RulesOf(decision).Select(rule => (JsonNode)rule)]).ToJsonString(Relaxed),
            Inputs = InputsOf(question, inputs).ToJsonString(Relaxed),
            Facts = new JsonObject(decision.Facts.Select(fact => KeyValuePair.Create(fact.Key, (JsonNode?)fact.Value))).ToJsonString(Relaxed),
            Reasons = ReasonsOf(decision).ToJsonString(Relaxed),
            LatencyUs = (long)pending.Elapsed.TotalMicroseconds,
        };
    }

    /// <param name="row">A row, of a list perhaps without its JSON.</param>
    /// <param name="isWhole">With inputs, facts and reasons.</param>
    public static RecordedDecision Shown(DecisionRow row, bool isWhole)
    {
        var reasons = isWhole ? JsonNode.Parse(row.Reasons)!.AsObject() : null;
        return new RecordedDecision
        {
            DecisionId = row.DecisionId,
            At = row.At,
            Namespace = row.Namespace,
            AgentId = row.AgentId,
            Action = row.Action,
            Resource = row.Resource,
            Policy = new PolicyReference { Name = row.PolicyName, Version = row.PolicyVersion, Sha256 = row.PolicySha256 },
            Decision = row.Decision,
            Would = row.Would,
            DryRun = row.DryRun,
            Rules = [.. JsonNode.Parse(row.Rules)!.AsArray().Select(rule => (string)rule!)],
            LatencyUs = row.LatencyUs,
            Inputs = isWhole ? JsonElement.Parse(row.Inputs) : null,
            Facts = isWhole ? JsonNode.Parse(row.Facts)!.AsObject().ToDictionary(fact => fact.Key, fact => (string)fact.Value!, StringComparer.Ordinal) : null,
            Reasons = reasons?["reasons"]?.AsArray().Deserialize(Json.IReadOnlyListPolicyReason),
            AuditOnly = reasons?["audit_only"]?.AsArray().Deserialize(Json.IReadOnlyListPolicyReason),
            Obligations = reasons?["obligations"]?.Deserialize(Json.PolicyObligations),
        };
    }

    /// <summary>
    /// What the rules saw, value for value, and what the caller had sent: evaluating the same version over it gives the
    /// same result. Params are the document's and are not repeated. A token is a secret and is not kept.
    /// </summary>
    private static JsonObject InputsOf(PolicyQuestion question, IReadOnlyList<CelValue[]> inputs)
    {
        var seen = inputs[0];
        var json = new JsonObject
        {
            ["request_id"] = question.RequestId,
            ["now"] = CelJson.NodeOf(seen[PolicyVariables.Now]),
            ["agent"] = CelJson.NodeOf(seen[PolicyVariables.Agent]),
            ["action"] = question.Action,
            ["resources"] = new JsonArray([.. inputs.Select(input => (JsonNode)new JsonObject
            {
                ["resource"] = CelJson.NodeOf(input[PolicyVariables.Resource]),
                ["lock"] = CelJson.NodeOf(input[PolicyVariables.Lock]),
                ["request"] = CelJson.NodeOf(input[PolicyVariables.Request]),
            })]),
            ["metadata"] = CelJson.NodeOf(seen[PolicyVariables.Metadata]),
            ["has_fencing_token"] = question.FencingToken is not null,
        };
        if (question.RunId is not null)
        {
            json["run"] = CelJson.NodeOf(seen[PolicyVariables.Run]);
        }

        if (seen[PolicyVariables.Budget].AsMap.Count > 0)
        {
            json["budget"] = CelJson.NodeOf(seen[PolicyVariables.Budget]);
        }

        if (question.Metadata is { } sent)
        {
            json["metadata_sent"] = JsonNode.Parse(sent.GetRawText());
        }

        return json;
    }

    private static JsonObject ReasonsOf(PolicyDecision decision)
    {
        var json = new JsonObject
        {
            ["reasons"] = JsonSerializer.SerializeToNode(decision.Reasons, Json.IReadOnlyListPolicyReason),
            ["audit_only"] = JsonSerializer.SerializeToNode(decision.AuditOnly, Json.IReadOnlyListPolicyReason),
        };
        if (decision.Obligations is { } obligations)
        {
            json["obligations"] = JsonSerializer.SerializeToNode(obligations, Json.PolicyObligations);
        }

        return json;
    }
}
