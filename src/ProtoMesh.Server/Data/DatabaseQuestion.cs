using Microsoft.EntityFrameworkCore;

namespace ProtoMesh.Server.Data;

/// <summary>Asks a database that may have gone silent.</summary>
internal static class DatabaseQuestion
{
    /// <summary>
    /// Waits for at most a time. The question owns its context: when the time is over it is cancelled, and ends behind the
    /// asker's back, as a connection whose server says nothing takes a while to give up.
    /// </summary>
    /// <exception cref="TimeoutException">There was no answer within the time.</exception>
    public static async Task<T> AskAsync<T>(
        this IDbContextFactory<MeshDb> factory, Func<MeshDb, CancellationToken, Task<T>> question, TimeSpan atMost, TimeProvider time, CancellationToken cancellationToken)
    {
        var asking = AskAsync(factory, question, atMost, time);
        try
        {
            return await asking.WaitAsync(atMost, time, cancellationToken);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException($"The database did not answer within {atMost.TotalSeconds:0.###} s.");
        }
        finally
        {
            // What it ends with when nobody waits any more is no news.
            _ = asking.ContinueWith(static ended => ended.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
        }
    }

    private static async Task<T> AskAsync<T>(
        IDbContextFactory<MeshDb> factory, Func<MeshDb, CancellationToken, Task<T>> question, TimeSpan atMost, TimeProvider time)
    {
        using var enough = new CancellationTokenSource(atMost, time);
        await using var db = await factory.CreateDbContextAsync(enough.Token);
        db.Database.SetCommandTimeout(TimeSpan.FromSeconds(Math.Ceiling(atMost.TotalSeconds)));
        return await question(db, enough.Token);
    }
}
