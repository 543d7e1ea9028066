namespace ProtoMesh.Demo;

/// <summary>What every play needs: a service, and the shared record in a folder that is gone afterwards.</summary>
internal sealed class Stage : IAsyncDisposable
{
    private static readonly TimeSpan ReadyAgain = TimeSpan.FromMilliseconds(50);

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("protomesh-demo-");
    private readonly Uri? _given;
    private readonly ServerProcess? _server;

    /// <param name="given">A service that runs already; null starts one.</param>
    /// <param name="record">What the agents share, as it is at first.</param>
    /// <param name="bootstrapKey">Closes the service that is started; null leaves it open.</param>
    public Stage(Uri? given, CustomerRecord record, string? bootstrapKey = null)
    {
        _given = given;
        _server = given is null ? new ServerProcess(_folder.CreateSubdirectory("server").FullName, bootstrapKey) : null;
        File = new FencedFile(Path.Combine(_folder.FullName, $"customer-{record.Customer}.json"));
        File.Create(record);
    }

    public FencedFile File { get; }

    /// <summary>The address of the service. A server listens a moment before its tables are there.</summary>
    public async Task<Uri> ReadyAsync(CancellationToken cancellationToken)
    {
        var url = _given ?? await _server!.ListeningAsync(cancellationToken);
        using var http = new HttpClient { BaseAddress = url };
        while (true)
        {
            try
            {
                using var answer = await http.GetAsync(new Uri("health/ready", UriKind.Relative), cancellationToken);
                if (answer.IsSuccessStatusCode)
                {
                    return url;
                }
            }
            catch (HttpRequestException fault)
            {
                throw new DemoException($"Nothing answers at {url}: {fault.Message}");
            }
            await Task.Delay(ReadyAgain, TimeProvider.System, cancellationToken);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
        {
            await _server.DisposeAsync();
        }
        _folder.Delete(recursive: true);
    }
}
