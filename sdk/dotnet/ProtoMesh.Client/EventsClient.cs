using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json;
using ProtoMesh.Contracts.Journal;
using ProtoMesh.Transport;

namespace ProtoMesh;

/// <summary>Follows what happens.</summary>
public sealed class EventsClient
{
    private readonly MeshApi _api;
    private readonly MeshClientOptions _options;

    internal EventsClient(MeshApi api, MeshClientOptions options) => (_api, _options) = (api, options);

    /// <summary>
    /// Events in the order of their ids, for as long as the caller reads. A broken connection is taken up again after
    /// the last event that was read, so none is missed and none comes twice.
    /// </summary>
    /// <param name="filter">Which; all.</param>
    /// <param name="lastEventId">Begins after this id; null begins with what happens from now on.</param>
    /// <param name="cancellationToken">Ends the stream.</param>
    /// <exception cref="MeshException">The service refuses the stream for good.</exception>
    public async IAsyncEnumerable<MeshEvent> StreamAsync(
        EventFilter? filter = null, long? lastEventId = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var query = Filtered(filter);
        var resume = lastEventId?.ToString(CultureInfo.InvariantCulture);
        var backoff = new Backoff();
        while (true)
        {
            using var connection = await EventConnection.OpenAsync(_api, query, resume, cancellationToken);
            var pause = connection.Failure?.RetryAfter;
            while (await connection.NextAsync(cancellationToken) is { } block)
            {
                backoff = new Backoff();
                resume = block.Id ?? resume;
                if (IsEvent(block) && JsonSerializer.Deserialize(block.Data, JournalJson.Default.MeshEvent) is { } happened)
                {
                    yield return happened;
                }
            }
            var next = backoff.Next();
            await Task.Delay(pause > next ? pause.Value : next, _options.TimeProvider, cancellationToken);
        }
    }

    /// <summary>Events that have happened, in the order of their ids, page by page as they are read; it ends with the newest.</summary>
    /// <param name="filter">Which; all.</param>
    /// <param name="lastEventId">Begins after this id; null begins with the oldest that is kept.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    public IAsyncEnumerable<MeshEvent> ListAsync(
        EventFilter? filter = null, long? lastEventId = null, CancellationToken cancellationToken = default) => Pages.ReadAsync(
        async (token, stop) =>
        {
            var query = Filtered(filter).Add("page_token", token).Add("last_event_id", token is null ? lastEventId : null);
            var page = await _api.ListEventsAsync(query, stop);
            return (page.Events, page.NextPageToken);
        },
        cancellationToken);

    private Query Filtered(EventFilter? filter) => new Query().Add("namespace", filter?.Namespace ?? _options.Namespace)
        .Add("resource", filter?.Resource).Add("agent_id", filter?.AgentId).Add("type", filter?.Type);

    /// <summary>Ours are named room and past tense; others, such as a sign of life, carry nothing to read.</summary>
    private static bool IsEvent(EventBlock block) =>
        block.Data.Length > 0 && (block.Type == "message" || block.Type.Contains('.', StringComparison.Ordinal));
}
