using System.Net;
using System.Net.Sockets;
using StackExchange.Redis;

namespace ProtoMesh.Server.Store.Redis;

/// <summary>Makes the first connection, or says in one sentence why there is none.</summary>
internal sealed class RedisConnector(RedisSettings settings, TimeProvider time)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

    /// <exception cref="StoreException">No master answered within about 5 s, or the login was refused.</exception>
    public async Task<ConnectionMultiplexer> ConnectAsync(CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();
        var connection = await OpenAsync();
        try
        {
            // Replies wake their callers on the thread pool, not one after another; only 1.x knows another way.
#pragma warning disable CS0618
            connection.PreserveAsyncOrder = false;
#pragma warning restore CS0618
            while (await ReachAsync(connection, cancellationToken) is { } failure)
            {
                if (RedisErrors.IsRefusedLogin(failure) || time.GetElapsedTime(started) > Patience)
                {
                    throw await ExplainAsync(failure, cancellationToken);
                }

                await Task.Delay(Pause, time, cancellationToken);
            }

            return connection;
        }
        catch
        {
            await connection.CloseAsync(allowCommandsToComplete: false);
            connection.Dispose();
            throw;
        }
    }

    private async Task<ConnectionMultiplexer> OpenAsync()
    {
        try
        {
            return await ConnectionMultiplexer.ConnectAsync(settings.Options);
        }
        catch (Exception failure) when (RedisErrors.Translate(failure, settings) is { } told)
        {
            throw told;
        }
    }

    private async Task<Exception?> ReachAsync(ConnectionMultiplexer connection, CancellationToken cancellationToken)
    {
        try
        {
            await connection.GetDatabase().IdentifyEndpointAsync(new PartitionKeys(0).Names[0], CommandFlags.DemandMaster)
                .WaitAsync(settings.Timeout, time, cancellationToken);
            return null;
        }
        catch (Exception failure) when (RedisErrors.Translate(failure, settings) is not null)
        {
            return failure;
        }
    }

    /// <summary>The client knows that it has no connection, but hardly why: a plain TCP connection finds out.</summary>
    private async Task<StoreException> ExplainAsync(Exception failure, CancellationToken cancellationToken)
    {
        var known = RedisErrors.Translate(failure, settings)!;
        if (failure is not RedisConnectionException || RedisErrors.IsRefusedLogin(failure))
        {
            return known;
        }

        foreach (var endpoint in settings.Options.EndPoints)
        {
            if (await CannotConnectAsync(endpoint, cancellationToken) is { } why)
            {
                return StoreException.Unavailable($"Redis at {RedisSettings.Describe(endpoint)} cannot be reached: {why}.", failure);
            }
        }

        return StoreException.Unavailable(
            $"Redis at {settings.Where} accepts connections but does not answer as Redis " +
            (settings.Options.Ssl ? "over TLS (ssl=true)." : "without TLS; if it expects TLS, add ssl=true."), failure);
    }

    private async Task<string?> CannotConnectAsync(EndPoint endpoint, CancellationToken cancellationToken)
    {
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        using var deadline = new CancellationTokenSource(settings.Timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        try
        {
            await socket.ConnectAsync(endpoint, either.Token);
            return null;
        }
        catch (SocketException refused)
        {
            return refused.Message.TrimEnd('.');
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return "no answer";
        }
    }
}
