using System.Globalization;
using System.Text;
using ProtoMesh.Contracts;
using ProtoMesh.Contracts.Access;
using ProtoMesh.Server.Http;
using ProtoMesh.Server.Store;

namespace ProtoMesh.Server.Access;

/// <summary>Checks what the calls about keys are given. Whatever is wrong is named with its rule.</summary>
internal static class KeyValidator
{
    public const long MostOverlapMs = 86_400_000;
    public const long DefaultOverlapMs = 3_600_000;
    public const string OverlapRule = "0 to 86400000";
    public const string TextRule = "1 to 128 bytes without control characters";
    private const string LabelRule = "a key of 1 to 64 bytes and a text of at most 256 bytes, both without control characters";

    public static List<FieldError> Check(CreateKey body, DateTimeOffset now)
    {
        var errors = new List<FieldError>();
        void Require(string field, bool holds, string rule, object? value)
        {
            if (!holds)
            {
                errors.Add(Problems.Field(field, rule, value));
            }
        }

        Require("role", Roles.All.Contains(body.Role ?? "", StringComparer.Ordinal), string.Join(", ", Roles.All), body.Role);
        Require("namespace", body.Namespace is null or AccessKey.Everywhere || ResourceName.IsNamespace(body.Namespace), $"{ResourceName.NamespaceRule}, or * with the role admin", body.Namespace);
        Require("namespace", body.Namespace != AccessKey.Everywhere || body.Role == Roles.Admin, "* only with the role admin", body.Namespace);
        Require("name", body.Name is null || IsText(body.Name, 128), TextRule, body.Name);
        Require("comment", body.Comment is null || IsText(body.Comment, 500), "1 to 500 bytes without control characters", body.Comment);
        Require("agent_id", body.AgentId is null || IsText(body.AgentId, 128), TextRule, body.AgentId);
        Require("agent_prefix", body.AgentPrefix is null || IsText(body.AgentPrefix, 128), TextRule, body.AgentPrefix);
        var isAgent = body.Role == Roles.Agent;
        Require("agent_id", !isAgent || (body.AgentId is null) != (body.AgentPrefix is null), "with the role agent either agent_id or agent_prefix, not both and not neither", body.AgentId);
        Require("agent_id", isAgent || (body.AgentId is null && body.AgentPrefix is null), "agent_id and agent_prefix only with the role agent", body.AgentId ?? body.AgentPrefix);
        Require("team", body.Team is null || IsText(body.Team, 128), TextRule, body.Team);
        errors.AddRange(CheckLabels("labels", body.Labels));
        Require("groups", body.Groups is null or { Count: <= 16 }, "at most 16 groups", body.Groups?.Count);
        foreach (var group in (body.Groups ?? []).Take(17))
        {
            Require("groups", group is not null && IsText(group, 64), "names of 1 to 64 bytes without control characters", group);
        }

        Require("groups", body.Groups is null || body.Groups.Distinct(StringComparer.Ordinal).Count() == body.Groups.Count, "each group once", null);
        Require("max_priority", body.MaxPriority is null or (>= 0 and <= 9), "0 to 9", body.MaxPriority);
        Require("max_ttl_ms", body.MaxTtlMs is null or (>= 1_000 and <= 3_600_000), "1000 to 3600000", body.MaxTtlMs);
        Require("expires_at", body.ExpiresAt is null || body.ExpiresAt > now, "a time to come", body.ExpiresAt);
        return errors;
    }

    public static IEnumerable<FieldError> CheckLabels(string field, IReadOnlyDictionary<string, string>? labels)
    {
        if (labels is { Count: > 16 })
        {
            yield return Problems.Field(field, "at most 16 labels", labels.Count);
        }

        foreach (var (key, value) in (labels ?? new Dictionary<string, string>()).Take(17))
        {
            if (!IsText(key, 64) || value is null || (value.Length > 0 && !IsText(value, 256)))
            {
                yield return Problems.Field($"{field}.{(key.Length <= 80 ? key : key[..60])}", LabelRule, value);
            }
        }
    }

    public static List<FieldError> CheckList(string? space, string? limit, out int most)
    {
        var errors = new List<FieldError>();
        if (space is not null && space != AccessKey.Everywhere && !ResourceName.IsNamespace(space))
        {
            errors.Add(Problems.Field("namespace", $"{ResourceName.NamespaceRule}, or *", space));
        }

        if (!int.TryParse(limit ?? "100", NumberStyles.None, CultureInfo.InvariantCulture, out most) || most is < 1 or > 1_000)
        {
            errors.Add(Problems.Field("limit", "1 to 1000", limit));
        }

        return errors;
    }

    public static bool IsText(string text, int mostBytes) =>
        text.Length > 0 && text.Length <= mostBytes && Encoding.UTF8.GetByteCount(text) <= mostBytes && !ControlCharacters.AreIn(text);
}
