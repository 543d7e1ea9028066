using System.Collections.Concurrent;

namespace ProtoMesh.Server.Journal;

/// <summary>How far the journal is behind the store, as <c>/health</c> tells it.</summary>
/// <param name="LagEvents">Events not yet committed; null when this replica does not consume, so does not know.</param>
/// <param name="LagMs">Age of the oldest of them in ms by the store's clock; null when not known.</param>
/// <param name="LastError">Why it does not advance, in one sentence; null when it does.</param>
internal sealed record JournalLag(long? LagEvents, long? LagMs, string? LastError);

/// <summary>Collects what the consumers of the partitions see, and says a trouble once and its end once.</summary>
internal sealed partial class JournalStatus(ILogger<JournalStatus> log)
{
    private readonly ConcurrentDictionary<int, (long Events, long Ms)> _lags = new();
    private readonly ConcurrentDictionary<int, string> _errors = new();
    private string? _said;

    public JournalLag Now
    {
        get
        {
            var lags = _lags.Values.ToArray();
            return new JournalLag(
                lags.Length == 0 ? null : lags.Sum(lag => lag.Events),
                lags.Length == 0 ? null : lags.Max(lag => lag.Ms),
                _errors.Values.FirstOrDefault());
        }
    }

    /// <summary>Events of a partition that this replica has not committed yet.</summary>
    public long LagOf(int partition) => _lags.TryGetValue(partition, out var lag) ? lag.Events : 0;

    public void Lag(int partition, long events, long ms) => _lags[partition] = (events, ms);

    /// <summary>Another replica consumes this partition.</summary>
    public void Elsewhere(int partition)
    {
        _lags.TryRemove(partition, out _);
        Works(partition);
    }

    public void Fail(int partition, string sentence, Exception? fault = null)
    {
        _errors[partition] = sentence;
        if (Interlocked.Exchange(ref _said, sentence) != sentence)
        {
            LogStuck(log, fault, sentence);
        }
    }

    public void Works(int partition)
    {
        if (_errors.TryRemove(partition, out _) && _errors.IsEmpty && Interlocked.Exchange(ref _said, null) is not null)
        {
            LogBack(log);
        }
    }

    [LoggerMessage(4001, LogLevel.Error, "The journal does not advance: {Sentence} Events wait in the store's outbox.")]
    private static partial void LogStuck(ILogger log, Exception? fault, string sentence);

    [LoggerMessage(4002, LogLevel.Information, "The journal advances again.")]
    private static partial void LogBack(ILogger log);
}
