using System.Diagnostics;
using ProtoMesh.Contracts.Locks;

namespace ProtoMesh.Demo;

/// <summary>What an agent does once it holds the customer.</summary>
internal enum Part
{
    /// <summary>Updates the record and releases.</summary>
    Update,

    /// <summary>Writes half of its update and is killed.</summary>
    Crash,

    /// <summary>Is stopped past its time to live, writes all the same, is refused, and does it again properly.</summary>
    Stale,

    /// <summary>Wants to pay back more than it may, reads why it may not, and pays back less.</summary>
    Spend,
}

/// <summary>One agent in a process of its own. It waits for a line on its standard input where the play needs it to.</summary>
internal sealed class Agent(string name, int priority, Uri url, string run, FencedFile file)
{
    public const string Resource = "customer/123";

    private static readonly IReadOnlyDictionary<string, (decimal Amount, string Text)> Work = new Dictionary<string, (decimal, string)>
    {
        ["intake"] = (50m, "invoice paid"),
        ["refunds"] = (-20m, "refund #42"),
        ["audit"] = (-1.5m, "fee corrected"),
    };

    public async Task<int> PlayAsync(Part part)
    {
        await using var mesh = new MeshClient(new MeshClientOptions { BaseUrls = [url], AgentId = name, Namespace = run });
        if (part == Part.Spend)
        {
            await new Refund(name, priority, mesh, file).PlayAsync();
            return 0;
        }
        if (part == Part.Stale)
        {
            await BeStaleAsync(mesh);
        }
        await using var lease = await AcquireAsync(mesh);
        await RepairAsync(lease);
        if (part == Part.Crash)
        {
            await CrashAsync(lease);
        }
        await UpdateAsync(lease);
        await lease.ReleaseAsync($"{name}: {Work[name].Text}");
        Tell(What.Released, "done", lease);
        return 0;
    }

    private async Task<Lease> AcquireAsync(MeshClient mesh)
    {
        Tell(What.Asks, Work[name].Text);
        var place = 0;
        var lease = await mesh.Locks.AcquireAsync(Resource, new()
        {
            Priority = priority,
            Wait = TimeSpan.FromSeconds(30),
            Ttl = TimeSpan.FromSeconds(4),
            Reason = Work[name].Text,
            // Without signals to stop a process, not renewing is what being stopped looks like.
            AutoRenew = !OperatingSystem.IsWindows(),
            OnQueued = queued =>
            {
                if (queued.Position != place)
                {
                    place = queued.Position;
                    Tell(What.Queued, $"place {place}, behind {queued.BlockedBy.FirstOrDefault()?.AgentId ?? "others who wait"}");
                }
            },
        });
        Tell(What.Granted, lease.Previous is { } previous ? $"{previous.AgentId} had it: {previous.Ended}" : "it was free", lease);
        return lease;
    }

    /// <summary>A lease that was not released may have left half an update behind; the grant says so.</summary>
    private async Task RepairAsync(Lease lease)
    {
        if (lease.Previous is not { Ended: not LockState.Released } previous || file.Read().IsWhole)
        {
            return;
        }
        await WriteAsync(lease, record => record with { Notes = [.. record.Notes.SkipLast(1)] });
        Tell(What.Repaired, $"the half update that {previous.AgentId} left is undone", lease);
    }

    private async Task UpdateAsync(Lease lease)
    {
        await WriteAsync(lease, WithNote(lease));
        await WriteAsync(lease, WithBalance);
        Tell(What.Written, Work[name].Text, lease);
    }

    private async Task CrashAsync(Lease lease)
    {
        await ReadLineAsync();
        await WriteAsync(lease, WithNote(lease));
        Tell(What.HalfWritten, "the note is there, the balance is not", lease);
        using var self = Process.GetCurrentProcess();
        self.Kill();
    }

    private async Task BeStaleAsync(MeshClient mesh)
    {
        await using var lease = await AcquireAsync(mesh);
        await RepairAsync(lease);
        await ReadLineAsync();
        // Careless on purpose: an agent should look at lease.Lost, but the file must not depend on its manners.
        if (await file.WriteAsync(lease.FencingToken, WithNote(lease)))
        {
            throw new DemoException("A write with a dead token was accepted.");
        }
        Tell(What.Refused, "a newer token has been here", lease);
        await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, lease.Lost).ContinueWith(_ => { }, TaskScheduler.Default);
        Tell(What.Lost, "it was stopped for longer than its lease lived", lease);
    }

    private async Task WriteAsync(Lease lease, Func<CustomerRecord, CustomerRecord> change)
    {
        if (!await file.WriteAsync(lease.FencingToken, change))
        {
            throw new DemoException($"{name} was refused although it holds the customer.");
        }
    }

    private Func<CustomerRecord, CustomerRecord> WithNote(Lease lease) => record => record with
    {
        Notes = [.. record.Notes, new Note(name, lease.FencingToken, Work[name].Amount, Work[name].Text)],
    };

    private CustomerRecord WithBalance(CustomerRecord record) => record with { Balance = record.Balance + Work[name].Amount };

    /// <summary>On a thread of its own: the console's reader blocks, and the renewals need the pool's threads.</summary>
    private static async Task ReadLineAsync() =>
        _ = await Task.Factory.StartNew(Console.ReadLine, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)
            ?? throw new DemoException("The conductor is gone.");

    private static void Tell(What what, string why, Lease? lease = null) => new Report(what, why) { Token = lease?.FencingToken }.Tell();
}
