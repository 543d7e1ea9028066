using System.Buffers;

namespace ProtoMesh.Server.Http;

/// <summary>Finds what <see cref="char.IsControl(char)"/> names, many characters at a time.</summary>
internal static class ControlCharacters
{
    private static readonly SearchValues<char> All = SearchValues.Create([.. Enumerable.Range(0, 0xA0).Select(code => (char)code).Where(char.IsControl)]);

    public static bool AreIn(string text) => text.AsSpan().ContainsAny(All);
}
