using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Options;
using ProtoMesh.Contracts;
using ProtoMesh.Server.Access;
using ProtoMesh.Server.Http;
using ProtoMesh.Server.Store;

namespace ProtoMesh.Server.Policies;

/// <summary>
/// Finds out who asks and whose resource it is. With keys the caller's key says who it is, and what it says of itself counts
/// for nothing. Without, role and team are its own word in <c>metadata</c>, as in the first version, and marked as claimed.
/// </summary>
internal sealed class PolicySubjects(IOptions<PolicyOptions> options, NamespaceBook namespaces)
{
    private const string ClaimRule = "a text of 1 to 128 bytes without control characters";

    private readonly KnownResource[] _known = [.. options.Value.Resources.OrderByDescending(known => known.Prefix.Length)];

    public PolicySubject Read(PolicyQuestion question, ResourceName? resource, List<FieldError> errors)
    {
        var (metadata, facts) = (question.Metadata, question.Facts);
        var role = facts is null ? Claim(metadata, "agent_role", "user", errors) : Told(facts.Role, "user");
        var found = resource is { } name ? Find(question.Namespace, name) : null;
        return new PolicySubject
        {
            AgentId = new Fact<string>(question.AgentId, facts?.Role is null ? FactSource.Claimed : FactSource.Key),
            Role = role,
            Roles = new Fact<IReadOnlyList<string>>(facts?.AccessRole is { } other && other != role.Value ? [role.Value, other] : [role.Value], role.Source),
            Team = facts is null ? Claim(metadata, "agent_team", "default", errors) : Told(facts.Team, "default"),
            Labels = facts?.Labels is { Count: > 0 } own
                ? new Fact<IReadOnlyDictionary<string, string>?>(own, FactSource.Key) : new Fact<IReadOnlyDictionary<string, string>?>(null, FactSource.Default),
            Resource = resource,
            ResourceTeam = found?.Team is { } team ? new Fact<string>(team, FactSource.Configured) : Claim(metadata, "resource_team", "default", errors),
            ResourceLabels = found?.Labels is { Count: > 0 } labels
                ? new Fact<IReadOnlyDictionary<string, string>?>(labels, FactSource.Configured)
                : new Fact<IReadOnlyDictionary<string, string>?>(null, FactSource.Default),
        };
    }

    /// <summary>The longest prefix that fits, of the configuration and of the namespace's own settings; of two equal ones the configuration's.</summary>
    private (string? Team, IReadOnlyDictionary<string, string>? Labels)? Find(string space, ResourceName name)
    {
        var known = _known.FirstOrDefault(known => (known.Namespace is null || known.Namespace == space) && name.Short.StartsWith(known.Prefix, StringComparison.Ordinal));
        var own = namespaces.Of(space).Groups.FirstOrDefault(group => name.Short.StartsWith(group.Prefix!, StringComparison.Ordinal));
        return own is not null && own.Prefix!.Length > (known?.Prefix.Length ?? 0) ? (own.Team, own.Labels) : known is null ? null : (known.Team, known.Labels.AsReadOnly());
    }

    private static Fact<string> Told(string? text, string otherwise) => text is null ? new Fact<string>(otherwise, FactSource.Default) : new Fact<string>(text, FactSource.Key);

    private static Fact<string> Claim(JsonElement? metadata, string field, string otherwise, List<FieldError> errors)
    {
        if (metadata is not { ValueKind: JsonValueKind.Object } sent || !sent.TryGetProperty(field, out var json) || json.ValueKind == JsonValueKind.Null)
        {
            return new Fact<string>(otherwise, FactSource.Default);
        }

        if (json.ValueKind == JsonValueKind.String && json.GetString() is { Length: > 0 and <= 128 } text && Encoding.UTF8.GetByteCount(text) <= 128 && !text.Any(char.IsControl))
        {
            return new Fact<string>(text, FactSource.Claimed);
        }

        errors.Add(Problems.Field($"metadata.{field}", ClaimRule, null));
        return new Fact<string>(otherwise, FactSource.Default);
    }
}
