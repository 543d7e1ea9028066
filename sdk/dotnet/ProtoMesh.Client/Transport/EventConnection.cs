namespace ProtoMesh.Transport;

/// <summary>One connection to the event stream: read until it breaks, which is no fault but the end of the connection.</summary>
internal sealed class EventConnection : IDisposable
{
    // The service sends a sign of life every 15 s; a peer that vanished without a word is noticed by its silence.
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(45);

    private readonly HttpResponseMessage? _response;
    private readonly EventReader? _reader;

    private EventConnection(HttpResponseMessage response, EventReader reader) => (_response, _reader) = (response, reader);

    private EventConnection(MeshException failure) => Failure = failure;

    /// <summary>Why there is no connection, when there is none.</summary>
    public MeshException? Failure { get; }

    /// <exception cref="MeshException">A refusal that a retry would not change.</exception>
    public static async Task<EventConnection> OpenAsync(MeshApi api, Query query, string? lastEventId, CancellationToken cancellationToken)
    {
        try
        {
            var response = await api.StreamEventsAsync(query, lastEventId, cancellationToken);
            var body = await response.Content.ReadAsStreamAsync(cancellationToken);
            return new EventConnection(response, new EventReader(new WatchedStream(body, Silence, api.Options.TimeProvider)));
        }
        catch (MeshException failure) when (failure.Retryable)
        {
            return new EventConnection(failure);
        }
    }

    /// <summary>The next block, or null when the connection is over.</summary>
    public async Task<EventBlock?> NextAsync(CancellationToken cancellationToken)
    {
        try
        {
            return _reader is null ? null : await _reader.NextAsync(cancellationToken);
        }
        catch (Exception fault) when (
            fault is IOException or HttpRequestException or TimeoutException && !cancellationToken.IsCancellationRequested)
        {
            return null;
        }
    }

    public void Dispose()
    {
        _reader?.Dispose();
        _response?.Dispose();
    }
}
