namespace ProtoMesh.Server.Access;

/// <summary>Reads what other replicas changed of the settings of namespaces.</summary>
internal sealed partial class NamespaceLoader(NamespaceStore store, NamespaceBook book, ILogger<NamespaceLoader> log)
{
    private readonly SemaphoreSlim _turn = new(1, 1);

    /// <summary>Brings this replica up to date now.</summary>
    public async Task RefreshAsync(CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            await LoadAsync(cancellationToken);
        }
        finally
        {
            _turn.Release();
        }
    }

    private async Task LoadAsync(CancellationToken cancellationToken)
    {
        var revisions = await store.RevisionsAsync(cancellationToken);
        book.Keep(revisions);
        foreach (var (space, revision) in revisions)
        {
            if (!book.Knows(space, revision) && await store.FindAsync(space, cancellationToken) is { } row)
            {
                book.Apply(row);
                LogLoaded(log, space, row.Revision);
            }
        }
    }

    [LoggerMessage(7202, LogLevel.Information, "The settings of the namespace {Space} are those of revision {Revision} now.")]
    private static partial void LogLoaded(ILogger log, string space, long revision);
}
