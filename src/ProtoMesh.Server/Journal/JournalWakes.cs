using System.Collections.Concurrent;

namespace ProtoMesh.Server.Journal;

/// <summary>Tells the consumer of a partition that something lies in the outbox.</summary>
internal sealed class JournalWakes(TimeProvider time)
{
    /// <summary>How long a nudge waits for company: one transaction for what comes within it.</summary>
    private static readonly TimeSpan Gathering = TimeSpan.FromMilliseconds(8);
    private readonly ConcurrentDictionary<int, Wake> _wakes = new();

    /// <summary>An event was written; called by the room whose script wrote it.</summary>
    public void Nudge(int partition) => Of(partition).Nudged.TrySetResult();

    /// <summary>Somebody waits for an event to be committed.</summary>
    public void Hurry(int partition)
    {
        var wake = Of(partition);
        wake.Hurried.TrySetResult();
        wake.Nudged.TrySetResult();
    }

    public void HurryAll()
    {
        foreach (var partition in _wakes.Keys)
        {
            Hurry(partition);
        }
    }

    /// <summary>Returns when there is a reason to read: at once when hurried, a little after a nudge, or after the poll.</summary>
    /// <remarks>For one caller a partition. What is told from here on is kept for the next call: it follows the read.</remarks>
    public async Task WaitAsync(int partition, TimeSpan poll, CancellationToken cancellationToken)
    {
        var wake = Of(partition);
        await QuietlyAsync(wake.Nudged.Task, poll, cancellationToken);
        if (wake.Nudged.Task.IsCompleted)
        {
            await QuietlyAsync(wake.Hurried.Task, Gathering, cancellationToken);
        }

        wake.Reset();
    }

    /// <summary>Gives way for a time, but not to somebody who waits for a commit.</summary>
    public Task RestAsync(int partition, TimeSpan rest, CancellationToken cancellationToken) =>
        QuietlyAsync(Of(partition).Hurried.Task, rest, cancellationToken);

    private async Task QuietlyAsync(Task task, TimeSpan timeout, CancellationToken cancellationToken)
    {
        await task.WaitAsync(timeout, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        cancellationToken.ThrowIfCancellationRequested();
    }

    private Wake Of(int partition) => _wakes.GetOrAdd(partition, _ => new Wake());

    private sealed class Wake
    {
        public volatile TaskCompletionSource Nudged = Fresh();
        public volatile TaskCompletionSource Hurried = Fresh();

        /// <summary>Hurried first: a hurry that falls between the two still leaves its nudge.</summary>
        public void Reset()
        {
            Hurried = Hurried.Task.IsCompleted ? Fresh() : Hurried;
            Nudged = Nudged.Task.IsCompleted ? Fresh() : Nudged;
        }

        private static TaskCompletionSource Fresh() => new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
