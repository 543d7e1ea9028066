using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace ProtoMesh.Server.Cel.Evaluation;

/// <summary>A network in CIDR notation, IPv4 or IPv6; an IPv4 address that is written as an IPv6 one counts as IPv4.</summary>
internal sealed record CelNetwork(string Text, IPAddress Address, int Bits) : CelPrepared(Text)
{
    public static (CelPrepared? Prepared, string? Problem) Prepare(string text)
    {
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        return slash >= 0 && TryAddress(text.AsSpan(0, slash), out var address)
            && int.TryParse(text.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var bits)
            && bits <= (address.AddressFamily == AddressFamily.InterNetwork ? 32 : 128)
            ? (new CelNetwork(text, address, bits), null)
            : (null, $"{CelLiteral.Write(text)} is no network; write one as '10.0.0.0/8' or '2001:db8::/32'");
    }

    /// <summary>Null when the text is no address.</summary>
    public bool? Contains(string text)
    {
        if (!TryAddress(text, out var address))
        {
            return null;
        }

        Span<byte> network = stackalloc byte[16];
        Span<byte> host = stackalloc byte[16];
        Address.TryWriteBytes(network, out var length);
        if (!address.TryWriteBytes(host, out var hostLength) || hostLength != length)
        {
            return false;
        }

        var whole = Bits / 8;
        var mask = (byte)(0xff00 >> (Bits % 8));
        return network[..whole].SequenceEqual(host[..whole]) && (Bits % 8 == 0 || ((network[whole] ^ host[whole]) & mask) == 0);
    }

    /// <summary>
    /// Stricter than the platform's parser, which takes <c>10.1</c>, <c>0x0a.0.0.1</c> and <c>012.0.0.1</c> for addresses that
    /// another reader of the same text would not see.
    /// </summary>
    private static bool TryAddress(ReadOnlySpan<char> text, out IPAddress address)
    {
        address = IPAddress.None;
        if (text.Length > 45 || text.IndexOfAny("%[]/xX") >= 0 || !IPAddress.TryParse(text, out var parsed))
        {
            return false;
        }

        if (parsed.AddressFamily == AddressFamily.InterNetwork)
        {
            Span<char> written = stackalloc char[15];
            parsed.TryFormat(written, out var length);
            address = parsed;
            return text.SequenceEqual(written[..length]);
        }

        address = parsed.IsIPv4MappedToIPv6 ? parsed.MapToIPv4() : parsed;
        return true;
    }
}
