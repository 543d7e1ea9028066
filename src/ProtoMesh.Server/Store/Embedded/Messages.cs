namespace ProtoMesh.Server.Store.Embedded;

/// <summary>A message on its way to one listener.</summary>
internal readonly record struct Message(Action<string, string> Listener, string Channel, string Text);

/// <summary>Who listens to which channels, and what the current run has published so far.</summary>
internal sealed class Messages
{
    private readonly List<(HashSet<string> Channels, Action<string, string> OnMessage)> _listeners = [];
    private List<Message> _pending = [];

    public void Listen(IEnumerable<string> channels, Action<string, string> onMessage) =>
        _listeners.Add((channels.ToHashSet(StringComparer.Ordinal), onMessage));

    /// <summary>Keeps a message for each listener of the channel until the run has ended; returns how many they are.</summary>
    public int Add(string channel, string text)
    {
        var count = 0;
        foreach (var (channels, listener) in _listeners)
        {
            if (channels.Contains(channel))
            {
                _pending.Add(new Message(listener, channel, text));
                count++;
            }
        }

        return count;
    }

    public void Drop() => _pending.Clear();

    /// <summary>Hands the messages over, to be delivered by the caller once it holds no lock.</summary>
    public IReadOnlyList<Message> Take()
    {
        if (_pending.Count == 0)
        {
            return [];
        }

        var taken = _pending;
        _pending = [];
        return taken;
    }
}
