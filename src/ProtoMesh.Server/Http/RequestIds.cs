using System.Text.RegularExpressions;

namespace ProtoMesh.Server.Http;

/// <summary>The ids with which callers make a repetition harmless.</summary>
internal static partial class RequestIds
{
    public const string Rule = "8 to 64 of A-Z, a-z, 0-9, _ and -";

    public static bool IsValid(string text) => Pattern().IsMatch(text);

    [GeneratedRegex("^[A-Za-z0-9_-]{8,64}\\z")]
    private static partial Regex Pattern();
}
