using System.Buffers.Text;
using System.Text;

namespace ProtoMesh.Server.Http;

/// <summary>Opaque page tokens: callers hand back what they were given, and anything else is refused.</summary>
internal static class PageTokens
{
    public const string Rule = "a next_page_token of the same list, unchanged";

    public static string Make(string kind, string place) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes($"{kind}\n{place}"));

    public static bool TryRead(string kind, string? token, out string? place)
    {
        place = null;
        if (string.IsNullOrEmpty(token))
        {
            return true;
        }

        if (token.Length > 4096 || !Base64Url.IsValid(token))
        {
            return false;
        }

        var text = Encoding.UTF8.GetString(Base64Url.DecodeFromChars(token));
        if (!text.StartsWith($"{kind}\n", StringComparison.Ordinal))
        {
            return false;
        }

        place = text[(kind.Length + 1)..];
        return true;
    }
}
