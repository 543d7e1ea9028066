namespace ProtoMesh.Tests.Client;

/// <summary>A wire to a real service that loses what a test wants lost: the request before it leaves, or its answer.</summary>
public sealed class FaultyWire() : DelegatingHandler(new SocketsHttpHandler())
{
    /// <summary>The first so many answers to calls whose path ends like this are lost after the service has acted.</summary>
    public string? LoseAnswersTo { get; set; }

    public int AnswersToLose { get; set; } = 1;

    public int Lost { get; private set; }

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var response = await base.SendAsync(request, cancellationToken);
        if (LoseAnswersTo is { } path && Lost < AnswersToLose && request.RequestUri!.AbsolutePath.EndsWith(path, StringComparison.Ordinal))
        {
            Lost++;
            response.Dispose();
            throw new HttpRequestException("The connection was reset.");
        }
        return response;
    }
}
