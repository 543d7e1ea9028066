using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace ProtoMesh.Server.Http;

/// <summary>
/// A place in a list that callers carry and must not read: it names a request by what its members are made of, and so its
/// id and its session, which are another agent's.
/// </summary>
internal static class SealedPlaces
{
    /// <param name="secret">What all replicas know and no caller does.</param>
    /// <param name="list">The list and the page; a place opens only there.</param>
    /// <param name="place">What is kept from the caller.</param>
    public static string Seal(string secret, string list, string place)
    {
        var text = Encoding.UTF8.GetBytes(place);
        var whole = new byte[AesGcm.NonceByteSizes.MaxSize + AesGcm.TagByteSizes.MaxSize + text.Length];
        var (nonce, tag, cipher) = Parts(whole);
        RandomNumberGenerator.Fill(whole.AsSpan(nonce));
        using var key = KeyOf(secret);
        key.Encrypt(whole.AsSpan(nonce), text, whole.AsSpan(cipher), whole.AsSpan(tag), Encoding.UTF8.GetBytes(list));
        return Base64Url.EncodeToString(whole);
    }

    /// <summary>Null for what was not sealed for this list, or was changed.</summary>
    public static string? Open(string secret, string list, string text)
    {
        if (!Base64Url.IsValid(text) || Base64Url.DecodeFromChars(text) is not { } whole || whole.Length < AesGcm.NonceByteSizes.MaxSize + AesGcm.TagByteSizes.MaxSize)
        {
            return null;
        }

        var (nonce, tag, cipher) = Parts(whole);
        var place = new byte[whole.Length - cipher.Start.Value];
        using var key = KeyOf(secret);
        try
        {
            key.Decrypt(whole.AsSpan(nonce), whole.AsSpan(cipher), whole.AsSpan(tag), place, Encoding.UTF8.GetBytes(list));
            return Encoding.UTF8.GetString(place);
        }
        catch (AuthenticationTagMismatchException)
        {
            return null;
        }
    }

    private static AesGcm KeyOf(string secret) => new(SHA256.HashData(Encoding.UTF8.GetBytes($"places\n{secret}")), AesGcm.TagByteSizes.MaxSize);

    private static (Range Nonce, Range Tag, Range Cipher) Parts(byte[] whole)
    {
        const int NonceEnd = 12, TagEnd = 28;
        return (..NonceEnd, NonceEnd..TagEnd, TagEnd..whole.Length);
    }
}
