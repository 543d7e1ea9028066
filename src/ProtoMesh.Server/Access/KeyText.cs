using System.Buffers;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace ProtoMesh.Server.Access;

/// <summary>
/// A key as it is shown once: <c>pm_{id}_{secret}_{crc}</c>. The id finds it, the 192 bits of the secret prove it, and the
/// checksum (CRC-32, as in zip) lets scanners for leaked secrets and people with a typing error tell it from other texts.
/// </summary>
internal static class KeyText
{
    public const string Rule = "pm_<id>_<secret>_<crc> in full, as `keys generate` prints one";
    public const int IdLength = 16;
    private const string Prefix = "pm_";
    private const int SecretLength = 48;
    private const int ChecksumLength = 8;
    private const int SecretStart = 3 + IdLength + 1;
    private const int ChecksumStart = SecretStart + SecretLength + 1;
    private const int Length = ChecksumStart + ChecksumLength;
    private static readonly uint[] Table = MakeTable();
    private static readonly SearchValues<char> Digits = SearchValues.Create("0123456789abcdef");

    public static string New() => New(Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(IdLength / 2)));

    /// <summary>Another secret for the same id.</summary>
    public static string New(string id)
    {
        var text = $"{Prefix}{id}_{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(SecretLength / 2))}";
        return $"{text}_{Checksum(text):x8}";
    }

    /// <summary>False for what was cut off, changed, or was never one of ours.</summary>
    public static bool TryRead(ReadOnlySpan<char> text, out ReadOnlySpan<char> id, out ReadOnlySpan<char> secret)
    {
        id = secret = [];
        if (text.Length != Length || !text.StartsWith(Prefix) || text[SecretStart - 1] != '_' || text[ChecksumStart - 1] != '_')
        {
            return false;
        }

        id = text[3..(SecretStart - 1)];
        secret = text[SecretStart..(ChecksumStart - 1)];
        return IsHex(id) && IsHex(secret) && IsHex(text[ChecksumStart..])
            && uint.Parse(text[ChecksumStart..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture) == Checksum(text[..(ChecksumStart - 1)]);
    }

    /// <summary>Whether it can be the id of a key; what cannot is not looked for.</summary>
    public static bool IsId(string text) => text.Length == IdLength && IsHex(text);

    /// <summary>What is kept of a secret. It is random, so a slow hash would protect nothing and cost each call.</summary>
    public static void Digest(ReadOnlySpan<char> secret, Span<byte> digest)
    {
        Span<byte> bytes = stackalloc byte[SecretLength];
        SHA256.HashData(bytes[..Encoding.ASCII.GetBytes(secret, bytes)], digest);
    }

    public static string Digest(ReadOnlySpan<char> secret)
    {
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        Digest(secret, digest);
        return Convert.ToHexStringLower(digest);
    }

    private static bool IsHex(ReadOnlySpan<char> text) => !text.ContainsAnyExcept(Digits);

    private static uint Checksum(ReadOnlySpan<char> text)
    {
        var sum = uint.MaxValue;
        foreach (var character in text)
        {
            sum = Table[(byte)(sum ^ character)] ^ (sum >> 8);
        }

        return ~sum;
    }

    private static uint[] MakeTable() => [.. Enumerable.Range(0, 256).Select(index =>
    {
        var entry = (uint)index;
        for (var bit = 0; bit < 8; bit++)
        {
            entry = (entry & 1) == 1 ? (entry >> 1) ^ 0xEDB88320 : entry >> 1;
        }

        return entry;
    })];
}
