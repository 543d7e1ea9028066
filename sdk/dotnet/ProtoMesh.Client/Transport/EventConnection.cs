using System.Net.ServerSentEvents;
using System.Text;

namespace ProtoMesh.Transport;

/// <summary>One connection to the event stream: read until it breaks, which is no fault but the end of the connection.</summary>
internal sealed class EventConnection : IAsyncDisposable
{
    // The service sends a sign of life every 15 s; a peer that vanished without a word is noticed by its silence.
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(45);

    private readonly HttpResponseMessage? _response;
    private readonly IAsyncEnumerator<SseItem<string>>? _items;

    private EventConnection(HttpResponseMessage response, IAsyncEnumerator<SseItem<string>> items) => (_response, _items) = (response, items);

    private EventConnection(MeshException failure) => Failure = failure;

    /// <summary>Why there is no connection, when there is none.</summary>
    public MeshException? Failure { get; }

    /// <exception cref="MeshException">A refusal that a retry would not change.</exception>
    public static async Task<EventConnection> OpenAsync(MeshApi api, Query query, string? lastEventId, CancellationToken cancellationToken)
    {
        try
        {
            var response = await api.StreamEventsAsync(query, lastEventId, cancellationToken);
            var body = new WatchedStream(await response.Content.ReadAsStreamAsync(cancellationToken), Silence, api.Options.TimeProvider);
            var items = SseParser.Create(body, static (_, data) => Encoding.UTF8.GetString(data)).EnumerateAsync(cancellationToken);
            return new EventConnection(response, items.GetAsyncEnumerator(cancellationToken));
        }
        catch (MeshException failure) when (failure.Retryable)
        {
            return new EventConnection(failure);
        }
    }

    /// <summary>The next item, or null when the connection is over.</summary>
    public async Task<SseItem<string>?> NextAsync(CancellationToken cancellationToken)
    {
        try
        {
            return _items is not null && await _items.MoveNextAsync() ? _items.Current : null;
        }
        catch (Exception fault) when (
            fault is IOException or HttpRequestException or TimeoutException && !cancellationToken.IsCancellationRequested)
        {
            return null;
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_items is not null)
        {
            await _items.DisposeAsync();
        }
        _response?.Dispose();
    }
}
