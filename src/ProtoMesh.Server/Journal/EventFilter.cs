using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using ProtoMesh.Contracts;
using ProtoMesh.Server.Http;

namespace ProtoMesh.Server.Journal;

/// <summary>Which events are asked for; null means any.</summary>
internal sealed partial record EventFilter(string? Namespace, string? Resource, string? AgentId, string? Type)
{
    public const string DefaultNamespace = "default";

    /// <summary>Every rule that the filter breaks. A resource without a namespace is one of the default namespace.</summary>
    public static (EventFilter Filter, List<FieldError> Errors) Read(string? space, string? resource, string? agentId, string? type)
    {
        var errors = new List<FieldError>();
        void Require(bool holds, string field, string rule, string? value)
        {
            if (!holds)
            {
                errors.Add(Problems.Field(field, rule, value));
            }
        }

        Require(space is null || NamespacePattern().IsMatch(space), "namespace", "1 to 40 of a-z, 0-9 and -", space);
        Require(resource is null || ResourcePattern().IsMatch(resource), "resource", "type/id", resource);
        Require(agentId is null || (agentId.Length > 0 && Encoding.UTF8.GetByteCount(agentId) <= 128 && !agentId.Any(char.IsControl)), "agent_id", "1 to 128 bytes without control characters", agentId);
        Require(type is null || TypePattern().IsMatch(type), "type", "an event's type, such as lock.granted", type);
        return (new EventFilter(resource is null ? space : space ?? DefaultNamespace, resource, agentId, type), errors);
    }

    /// <summary>A page token that fits this list and this filter only.</summary>
    public string TokenFor(string list, long place) => PageTokens.Make(list, string.Create(CultureInfo.InvariantCulture, $"{place} {Seal(list, place)}"));

    /// <summary>False for a token of another list or filter, or one that somebody changed.</summary>
    public bool TryReadToken(string list, string? token, out long? place)
    {
        place = null;
        if (!PageTokens.TryRead(list, token, out var text))
        {
            return false;
        }

        if (text is null)
        {
            return true;
        }

        if (text.Split(' ') is not [var number, var seal] || !long.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var read)
            || seal != Seal(list, read))
        {
            return false;
        }

        place = read;
        return true;
    }

    /// <summary>Catches mistakes, not attacks: a place in a list is no secret.</summary>
    private string Seal(string list, long place) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(
        string.Join('\n', list, place.ToString(CultureInfo.InvariantCulture), Namespace, Resource, AgentId, Type))).AsSpan(0, 6));

    [GeneratedRegex("^[a-z0-9-]{1,40}\\z")]
    private static partial Regex NamespacePattern();

    [GeneratedRegex("^[a-z][a-z0-9_.-]{0,63}/[^\\p{Cc}]{1,512}\\z")]
    private static partial Regex ResourcePattern();

    [GeneratedRegex("^[a-z][a-z0-9_.-]{0,63}\\z")]
    private static partial Regex TypePattern();
}
