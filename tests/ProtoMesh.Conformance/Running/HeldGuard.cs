namespace ProtoMesh.Conformance.Running;

/// <summary>A guard whose body runs until the scenario ends it.</summary>
internal sealed class HeldGuard
{
    private readonly TaskCompletionSource _end = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Task _run;

    public HeldGuard(Guard guard)
    {
        Guard = guard;
        _run = guard.Granted ? guard.RunAsync(stop => _end.Task.WaitAsync(stop)) : Task.CompletedTask;
    }

    public Guard Guard { get; }

    /// <summary>Ends the body and the guard.</summary>
    /// <exception cref="MeshException">The guard ended with an error.</exception>
    public async Task ExitAsync(bool failed)
    {
        var failure = new BodyFailedException();
        if (failed)
        {
            _end.TrySetException(failure);
        }
        else
        {
            _end.TrySetResult();
        }

        try
        {
            await _run;
        }
        catch (BodyFailedException fault) when (ReferenceEquals(fault, failure))
        {
            // That very error came out, as it has to.
        }
        finally
        {
            await Guard.DisposeAsync();
        }
    }

    private sealed class BodyFailedException() : Exception("The body of the scenario's guard failed.");
}
