using System.Globalization;
using ProtoMesh.Contracts;

namespace ProtoMesh.Server.Http;

/// <summary>Revisions as ETags, for calls that replace what they have to have seen.</summary>
internal static class Revisions
{
    /// <summary>The revision of <c>If-Match</c>; null for <c>*</c>.</summary>
    /// <param name="context">The request.</param>
    /// <param name="missing">What to say when there is none.</param>
    /// <param name="rule">What it has to be.</param>
    public static (long? Revision, Problem? Problem) IfMatch(HttpContext context, string missing, string rule)
    {
        var text = context.Request.Headers.IfMatch.ToString().Trim();
        return text switch
        {
            "" => (null, Problems.Of("precondition_required", missing)),
            "*" => (null, null),
            ['"', .. var digits, '"'] when long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var revision) => (revision, null),
            _ => (null, Problems.Invalid([Problems.Field("If-Match", rule, text)])),
        };
    }

    public static string ETag(long revision) => string.Create(CultureInfo.InvariantCulture, $"\"{revision}\"");
}
