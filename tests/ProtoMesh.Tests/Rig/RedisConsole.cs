using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using ProtoMesh.Server.Store;

namespace ProtoMesh.Tests.Rig;

/// <summary>Sends one command over a connection of its own, as redis-cli would.</summary>
internal static class RedisConsole
{
    /// <exception cref="InvalidOperationException">Redis answered with an error.</exception>
    /// <exception cref="IOException">Nobody answered.</exception>
    public static async Task<Reply> SendAsync(int port, params string[] command)
    {
        using var client = new TcpClient();
        try
        {
            await client.ConnectAsync(IPAddress.Loopback, port).WaitAsync(TimeSpan.FromSeconds(5));
        }
        catch (SocketException refused)
        {
            throw new IOException(refused.Message, refused);
        }

        var stream = client.GetStream();
        var text = new StringBuilder().Append(CultureInfo.InvariantCulture, $"*{command.Length}\r\n");
        foreach (var word in command)
        {
            text.Append(CultureInfo.InvariantCulture, $"${Encoding.UTF8.GetByteCount(word)}\r\n{word}\r\n");
        }

        await stream.WriteAsync(Encoding.UTF8.GetBytes(text.ToString()));
        return new Reply(Read(new BufferedStream(stream)));
    }

    private static object? Read(BufferedStream stream)
    {
        var line = Line(stream);
        switch (line[0])
        {
            case '+':
                return line[1..];
            case ':':
                return long.Parse(line[1..], CultureInfo.InvariantCulture);
            case '-':
                throw new InvalidOperationException(line[1..]);
            case '$' when line != "$-1":
                var bytes = new byte[int.Parse(line[1..], CultureInfo.InvariantCulture) + 2];
                stream.ReadExactly(bytes);
                return Encoding.UTF8.GetString(bytes.AsSpan(..^2));
            case '*' when line != "*-1":
                return Enumerable.Range(0, int.Parse(line[1..], CultureInfo.InvariantCulture)).Select(_ => new Reply(Read(stream))).ToArray();
            default:
                return null;
        }
    }

    private static string Line(BufferedStream stream)
    {
        var line = new StringBuilder();
        for (var next = stream.ReadByte(); next != '\r'; next = stream.ReadByte())
        {
            line.Append(next >= 0 ? (char)next : throw new EndOfStreamException("Redis closed the connection."));
        }

        stream.ReadByte();
        return line.ToString();
    }
}
