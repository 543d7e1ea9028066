using System.Text;

namespace ProtoMesh.Transport;

/// <summary>What one block of an event stream said; its data is empty for an id alone.</summary>
internal readonly record struct EventBlock(string? Id, string Type, string Data);

/// <summary>
/// Reads server-sent events. Unlike the platform's parser it gives an id only when its block is complete, also without
/// data: a stream that breaks in the middle of an event must resume before that event, and one that breaks before its
/// first event must resume where it began.
/// </summary>
internal sealed class EventReader(Stream body) : IDisposable
{
    private readonly StreamReader _lines = new(body, Encoding.UTF8);

    /// <summary>The next complete block, or null at the end of the stream.</summary>
    public async Task<EventBlock?> NextAsync(CancellationToken cancellationToken)
    {
        var (id, type, data) = ((string?)null, "message", new StringBuilder());
        while (await _lines.ReadLineAsync(cancellationToken) is { } line)
        {
            if (line.Length == 0)
            {
                if (id is not null || data.Length > 0)
                {
                    return new EventBlock(id, type, data.ToString().TrimEnd('\n'));
                }
                continue;
            }
            var colon = line.IndexOf(':', StringComparison.Ordinal);
            var (name, value) = colon < 0 ? (line, "") : (line[..colon], line[(colon + 1)..]);
            value = value.StartsWith(' ') ? value[1..] : value;
            switch (name)
            {
                case "id":
                    id = value;
                    break;
                case "event":
                    type = value;
                    break;
                case "data":
                    data.Append(value).Append('\n');
                    break;
                default:
                    // A comment, which is a sign of life, or a field that is not used here.
                    break;
            }
        }
        return null;
    }

    public void Dispose() => _lines.Dispose();
}
