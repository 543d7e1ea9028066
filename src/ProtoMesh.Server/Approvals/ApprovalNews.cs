namespace ProtoMesh.Server.Approvals;

/// <summary>Tells those who wait here that something was decided on this replica; of others they learn by looking.</summary>
internal sealed class ApprovalNews
{
    private volatile TaskCompletionSource _next = New();

    /// <summary>Completes at the next change. Take it before looking, await it after.</summary>
    public Task Next => _next.Task;

    public void Tell() => Interlocked.Exchange(ref _next, New()).TrySetResult();

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
