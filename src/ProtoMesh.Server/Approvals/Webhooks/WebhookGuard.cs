using System.Net;
using System.Net.Sockets;

namespace ProtoMesh.Server.Approvals.Webhooks;

/// <summary>An address that messages are not sent to. The text names no address.</summary>
internal sealed class WebhookRefusedException() : IOException("the address is one of this machine or of a private network; set Approvals:Webhooks:AllowPrivate to allow it");

/// <summary>
/// Keeps messages out of this machine and of private networks. It looks at the address that is connected to, so a name that
/// points elsewhere a moment later does not get around it.
/// </summary>
internal static class WebhookGuard
{
    private static readonly IPNetwork[] Closed =
    [
        .. new[]
        {
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16",
            "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3", "::/8", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "fc00::/7", "fe80::/9", "ff00::/8",
        }.Select(IPNetwork.Parse),
    ];

    /// <summary>A client that connects to public addresses only, unless it may connect to any, and follows nobody elsewhere.</summary>
    public static HttpClient Client(bool allowPrivate) => new(new SocketsHttpHandler
    {
        AllowAutoRedirect = false,
        UseProxy = false,
        UseCookies = false,
        PooledConnectionLifetime = TimeSpan.FromMinutes(1),
        ConnectCallback = (context, cancellationToken) => ConnectAsync(context.DnsEndPoint, allowPrivate, cancellationToken),
    })
    {
        Timeout = Timeout.InfiniteTimeSpan,
    };

    public static bool IsPublic(IPAddress address)
    {
        var real = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        return !Array.Exists(Closed, network => network.Contains(real));
    }

    private static async ValueTask<Stream> ConnectAsync(DnsEndPoint to, bool allowPrivate, CancellationToken cancellationToken)
    {
        var addresses = await Dns.GetHostAddressesAsync(to.Host, cancellationToken);
        var open = addresses.Where(address => allowPrivate || IsPublic(address)).ToArray();
        if (open.Length == 0 && addresses.Length > 0)
        {
            throw new WebhookRefusedException();
        }

        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(open, to.Port, cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
