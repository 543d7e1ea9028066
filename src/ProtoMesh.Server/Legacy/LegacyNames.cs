using ProtoMesh.Server.Store;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using ProtoMesh.Server.Locks;

namespace ProtoMesh.Server.Legacy;

/// <summary>How the first version's names become names of the store, and back.</summary>
/// <remarks>
/// A type that is a type here keeps its name, so that old and new clients meet at one resource. Any other text was a type
/// there too: it becomes <c>legacy.</c> and its bytes, each that is not a-z or 0-9 written as <c>_hh</c>. No two differ less.
/// </remarks>
internal static class LegacyNames
{
    public const string TypeRule = "a text that is not longer than 57 bytes, of which each other than a-z and 0-9 counts three";
    public const string IdRule = "1 to 512 bytes without control characters";
    private const string Prefix = "legacy.";

    public static bool TryResource(string space, string type, string id, out ResourceName name) =>
        (!type.StartsWith(Prefix, StringComparison.Ordinal) && ResourceName.TryParse(space, $"{type}/{id}", out name) && name.Type == type)
        || ResourceName.TryParse(space, $"{Prefix}{Escape(type)}/{id}", out name);

    /// <summary>The type as the caller wrote it.</summary>
    public static string TypeOf(ResourceName name) => name.Type.StartsWith(Prefix, StringComparison.Ordinal) ? Unescape(name.Type[Prefix.Length..]) : name.Type;

    /// <summary>
    /// A new request id. It ends with a digest of the agent, by which <c>Lua/_lib/standing.lua</c> finds it in a queue, and
    /// begins at random, because the old client shows eight letters of it.
    /// </summary>
    public static string NewRequestId(string agentId) =>
        $"{Guid.NewGuid():N}-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(agentId)).AsSpan(0, 8))}";

    private static string Escape(string type)
    {
        var escaped = new StringBuilder();
        foreach (var letter in Encoding.UTF8.GetBytes(type))
        {
            if (letter is >= (byte)'a' and <= (byte)'z' or >= (byte)'0' and <= (byte)'9')
            {
                escaped.Append((char)letter);
            }
            else
            {
                escaped.Append(CultureInfo.InvariantCulture, $"_{letter:x2}");
            }
        }

        return escaped.ToString();
    }

    private static string Unescape(string escaped)
    {
        var bytes = new List<byte>(escaped.Length);
        for (var index = 0; index < escaped.Length; index++)
        {
            if (escaped[index] == '_' && index + 2 < escaped.Length && byte.TryParse(escaped.AsSpan(index + 1, 2), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var letter))
            {
                bytes.Add(letter);
                index += 2;
            }
            else
            {
                bytes.Add((byte)escaped[index]);
            }
        }

        return Encoding.UTF8.GetString([.. bytes]);
    }
}
