using ProtoMesh.Server.Store;
using ProtoMesh.Tests.Locks.Model;
using static ProtoMesh.Tests.Locks.Model.LeaseCommand;

namespace ProtoMesh.Tests.Locks.Scripts;

/// <summary>What an owner or observer was told of a request.</summary>
internal sealed record Told(string Tag, long Now, LeaseView? Lease, Reply Reply)
{
    public string State => Lease?.State ?? "nothing";

    public long Token => Lease!.Token;

    public long EndsIn => Lease!.Ends - Now;

    public int Position => (int)Reply[4].Number + 1;

    public int QueueLength => (int)Reply[5].Number;

    public IEnumerable<string> Blockers => Reply[8].Items.Chunk(2).Select(pair => pair[0].Text);
}

/// <summary>Calls the scripts on one fresh partition and says times relative to its start. The agent is named like the request.</summary>
internal sealed class LeaseDesk(LeaseStore store, LeaseRig rig) : IAsyncDisposable
{
    private readonly Dictionary<string, long> _tokens = new(StringComparer.Ordinal);
    private readonly Dictionary<string, long> _waitEnds = new(StringComparer.Ordinal);

    public long Clock => rig.Clock;

    /// <summary>Most leases, most waiters, most waiters of one resource, each a number or -.</summary>
    public string? Limits
    {
        get => rig.Limits;
        set => rig.Limits = value;
    }

    public static async Task<LeaseDesk> OpenAsync(string backend, LeaseSettings? settings = null)
    {
        var store = await LeaseStore.OpenAsync(backend);
        var desk = new LeaseDesk(store, RandomRuns.FreshRig(store.Engine, settings ?? LeaseSettings.Default));
        await desk.OpenPartitionAsync();
        return desk;
    }

    public static string X(params string[] names) => string.Join(' ', names.Select(name => $"x,1,1,d/t/{name}"));

    public static string S(params string[] names) => string.Join(' ', names.Select(name => $"s,1,1,d/t/{name}"));

    public static string L(string name, int units, int capacity) => $"l,{capacity},{units},d/t/{name}";

    /// <summary>Negative to step the clock back.</summary>
    public void Advance(long ms) => rig.Clock += ms * 1_000;

    public async Task<Told> AcquireAsync(
        string id, string wants, int priority = 5, long ttl = 30_000, long wait = 3_600_000, long maxHold = 3_600_000, long drain = 0,
        bool detached = false, bool reentrant = false, string? agent = null, string session = "") =>
        await AcquireAsync(new Submission(id, agent ?? id, session, wants, priority, ttl, wait, maxHold, drain, detached, reentrant));

    public async Task<Told> AcquireAsync(Submission of) => Learned(await TellAsync(new Acquire(of)));

    public async Task<Told> ConsiderAsync(Submission of) => await TellAsync(new Consider(of));

    public async Task<Told> WaitAsync(string id) => Learned(await TellAsync(new Wait(id)));

    public async Task<Told> ReadAsync(string id) => Tell((await RunAsync(new Read(id, 0)))[0]);

    public async Task<Told> CancelAsync(string id) => await TellAsync(new Cancel(id));

    public async Task<Told> ReprioritizeAsync(string id, int priority) => await TellAsync(new Reprioritize(id, priority));

    public async Task<Told> TransferAsync(string id, string heir, string agent, string session = "") =>
        Learned(await TellAsync(new Transfer(id, new TokenOf(id), heir, agent, session)));

    public async Task<Told> ReleaseAsync(string id, string note = "", long tokenOff = 0) => await TellAsync(new Release(id, new TokenOf(id, tokenOff), note));

    public async Task<Told> RenewAsync(string id, long? ttl = null, long tokenOff = 0) =>
        Tell((await RunAsync(new Renew([new Renewal(id, new TokenOf(id, tokenOff), ttl)])))[0]);

    public Task<Reply> RenewAllAsync(params string[] ids) => RunAsync(new Renew([.. ids.Select(id => new Renewal(id, new TokenOf(id)))]));

    public async Task<string> FenceAsync(string name, string tokenOf, long off = 0) =>
        (await RunAsync(new Fence($"d/t/{name}", new TokenOf(tokenOf, off))))[0].Text;

    public Task<Reply> ForceReleaseAsync(string name, bool immediate = false) => RunAsync(new ForceRelease($"d/t/{name}", "stuck", immediate));

    public Task<Reply> TouchAsync(params string[] ids) => RunAsync(new Touch(ids));

    /// <summary>Returns how many ms remain until the next deadline; <see cref="long.MaxValue"/> for none.</summary>
    public async Task<long> TickAsync()
    {
        var reply = await RunAsync(new Tick());
        return reply[2].Number >= 9007199254740991 ? long.MaxValue : reply[2].Number - reply[1].Number;
    }

    /// <summary>Ticks until nothing is left to do at once; returns how many ticks that took.</summary>
    public async Task<int> CatchUpAsync()
    {
        for (var ticks = 1; ; ticks++)
        {
            if ((await RunAsync(new Tick()))[3].Text != "1")
            {
                return ticks;
            }
        }
    }

    public Task<Reply> RunAsync(LeaseCommand command) =>
        rig.RunAsync(command, token => _tokens.GetValueOrDefault(token.Id, 1) + token.Off, id => _waitEnds.GetValueOrDefault(id));

    public Task<Reply> RunOwnAsync(string text, params string[] arguments) => rig.RunOwnAsync(text, arguments);

    public ValueTask DisposeAsync() => store.DisposeAsync();

    private Task OpenPartitionAsync() => rig.OpenAsync();

    private async Task<Told> TellAsync(LeaseCommand command) => Tell(await RunAsync(command));

    private static Told Tell(Reply reply) => new(reply[0].Text, reply[1].Number, StoreReader.Lease(reply[2].Text, reply[3].Text), reply);

    private Told Learned(Told told)
    {
        if (told.Lease is { Token: > 0 } lease)
        {
            _tokens[lease.Id] = lease.Token;
        }

        if (told.Lease is { State: "queued" } waiter)
        {
            _waitEnds[waiter.Id] = waiter.WaitEnds;
        }

        return told;
    }
}
