using ProtoMesh.Contracts;
using ProtoMesh.Contracts.Locks;
using ProtoMesh.Contracts.Policies;
using ProtoMesh.Leases;
using ProtoMesh.Transport;

namespace ProtoMesh;

/// <summary>
/// A lock that is held. It renews itself until it is released or its maximal hold ends. Give <see cref="FencingToken"/>
/// to whatever is written and <see cref="Lost"/> to whatever is awaited meanwhile.
/// </summary>
public sealed class Lease : IAsyncDisposable
{
    // A dispose may run while the process is ending; the lease expires by itself if the service cannot be told.
    private static readonly TimeSpan DisposeLimit = TimeSpan.FromSeconds(5);

    private readonly MeshApi _api;
    private readonly RenewalLoop _renewals;
    private readonly TimeProvider _time;
    private readonly Ticket _ticket;
    private readonly bool _autoRenew;
    private readonly long _termMs;
    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _lost = new();
    private readonly ITimer _alarm;

    private Standing _standing = Standing.Held;
    private Problem? _loss;
    private string? _progress;
    private long _deadline;
    private bool _holdEnds;

    /// <summary>A release or a transfer is on its way: its own answer says what has become of the lease.</summary>
    private volatile bool _ending;
    private bool _handedOn;

    internal Lease(MeshApi api, RenewalLoop renewals, GrantedLock grant, long sent, LeaseOptions options)
        : this(
            api, renewals, ProtoMesh.Ticket.Of(grant, options.Ttl), options.AutoRenew, sent,
            new Term(grant.ServedMs, grant.ExpiresInMs, grant.ExpiresAt >= grant.HoldEndsAt))
    {
        (Grant, Resources) = (grant, grant.Resources);
        CheckDeadline();
    }

    internal Lease(MeshApi api, RenewalLoop renewals, Ticket ticket, RenewedLock renewed, long sent)
        : this(api, renewals, ticket, autoRenew: true, sent, new Term(renewed.ServedMs, renewed.ExpiresInMs, renewed.ExpiresAt >= renewed.HoldEndsAt))
    {
        (Waiters, Resources) = (renewed.Waiters, ticket.Held);
        CheckDeadline();
    }

    private Lease(MeshApi api, RenewalLoop renewals, Ticket ticket, bool autoRenew, long sent, Term term)
    {
        (_api, _renewals, _time) = (api, renewals, api.Options.TimeProvider);
        (_ticket, _autoRenew, _termMs) = (ticket, autoRenew, term.ExpiresInMs);
        RenewEvery = TimeSpan.FromMilliseconds(ticket.TtlMs ?? _termMs) / 3;
        _deadline = LeaseDeadline.Compute(_time, sent, term.ServedMs, term.ExpiresInMs);
        _holdEnds = term.HoldEnds;
        PlanRenewal(sent);
        _alarm = _time.CreateTimer(static lease => ((Lease)lease!).CheckDeadline(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    private enum Standing
    {
        Held,
        Lost,
        Released,
    }

    /// <summary>How long an answer says that the lease lives, and whether that is as long as it may.</summary>
    private readonly record struct Term(long ServedMs, long ExpiresInMs, bool HoldEnds);

    /// <summary>The service's whole answer to the request; null when the lease was taken up from a <see cref="Ticket"/>.</summary>
    public GrantedLock? Grant { get; }

    /// <summary><c>{request_id}.{partition}</c>: what others may ask about.</summary>
    public string LockId => _ticket.LockId;

    /// <summary>The id that the request was sent with.</summary>
    public string RequestId => _ticket.RequestId;

    /// <summary>What is held; null when it is several.</summary>
    public string? Resource => _ticket.Resource;

    /// <summary>What is held, when it is several.</summary>
    public IReadOnlyList<LockedResource>? Resources { get; }

    /// <summary>Who holds it.</summary>
    public string AgentId => _ticket.AgentId;

    /// <summary>
    /// Greater than every token granted before. A resource that refuses tokens lower than the highest it saw is safe
    /// even from a holder that does not know yet that it lost.
    /// </summary>
    public long FencingToken => _ticket.FencingToken;

    /// <summary>How the last hold ended, if that is remembered: after <c>expired</c> its work may be half written.</summary>
    public PreviousHold? Previous => Grant?.Previous;

    /// <summary>The decision that allowed its action, for whoever asks later why this was done; null without an action.</summary>
    public PolicyStamp? Decision => Grant?.Decision;

    /// <summary>Has anyone else held this since this agent last did? Null when that is not known.</summary>
    public bool? ChangedSinceLastHeld => Grant?.ChangedSinceLastHeld;

    /// <summary>
    /// Fires when the lease is lost or may be: when the service says so, and otherwise at this process's own deadline,
    /// which is before the service can give the resource to anyone else. It does not fire on release.
    /// </summary>
    public CancellationToken Lost => _lost.Token;

    /// <summary>
    /// False from the deadline on, by a look at the clock: true to the moment even where timers are late, such as just
    /// after a stopped process was continued.
    /// </summary>
    public bool IsHeld
    {
        get
        {
            lock (_gate)
            {
                return _standing == Standing.Held && _time.GetTimestamp() < _deadline;
            }
        }
    }

    /// <summary>How long the lease lives without a further renewal; zero when it is over.</summary>
    public TimeSpan Remaining
    {
        get
        {
            lock (_gate)
            {
                var remaining = LeaseDeadline.Until(_time, _deadline);
                return _standing == Standing.Held && remaining > TimeSpan.Zero ? remaining : TimeSpan.Zero;
            }
        }
    }

    /// <summary>Who waited at the last renewal, so that a polite holder can yield; null before the first.</summary>
    public Waiters? Waiters { get; private set; }

    /// <summary>When the loop renews next; read and written by the loop and the answers of its calls only.</summary>
    internal long RenewAt { get; private set; }

    internal TimeSpan RenewEvery { get; }

    /// <summary>A renewal is on its way.</summary>
    internal bool Renewing { get; set; }

    internal bool WantsRenewal
    {
        get
        {
            lock (_gate)
            {
                return _standing == Standing.Held && !_handedOn && ((_autoRenew && !_holdEnds) || _progress is not null);
            }
        }
    }

    internal bool IsOver
    {
        get
        {
            lock (_gate)
            {
                return _standing != Standing.Held;
            }
        }
    }

    internal bool IsHandedOn
    {
        get
        {
            lock (_gate)
            {
                return _handedOn;
            }
        }
    }

    internal bool IsEnding => _ending;

    internal bool HasProgress => Volatile.Read(ref _progress) is not null;

    internal long Deadline => Interlocked.Read(ref _deadline);

    /// <exception cref="LeaseLostException">The lease is lost, or its deadline has passed.</exception>
    public void ThrowIfLost()
    {
        if (!IsHeld)
        {
            CheckDeadline();
            throw new LeaseLostException(_loss ?? Loss($"{Name} was released by this process."));
        }
    }

    /// <summary>Shows a text of up to 500 bytes to whoever waits; sent in the background, and only the last one counts.</summary>
    public void ReportProgress(string text)
    {
        lock (_gate)
        {
            if (_standing != Standing.Held || _handedOn)
            {
                return;
            }
            _progress = text;
            PlanRenewalIn(TimeSpan.Zero);
        }
        _renewals.Add(this);
    }

    /// <summary>Renews now; needed only with <see cref="LeaseOptions.AutoRenew"/> off.</summary>
    /// <exception cref="LeaseLostException">The lease is lost.</exception>
    public async Task RenewAsync(CancellationToken cancellationToken = default)
    {
        ThrowIfLost();
        var progress = Volatile.Read(ref _progress);
        try
        {
            var body = new RenewLock { FencingToken = FencingToken, TtlMs = TtlMs, Progress = progress };
            var (renewed, sent) = await _api.RenewAsync(LockId, body, Deadline, cancellationToken);
            DropProgress(progress);
            Extend(sent, renewed.ServedMs, renewed.ExpiresInMs, renewed.ExpiresAt >= renewed.HoldEndsAt, renewed.Waiters);
        }
        catch (MeshException refusal) when (Problems.MeansLoss(refusal.Problem))
        {
            // A release that was faster is no loss; its own answer comes next.
            throw _ending ? new LeaseLostException(Problems.Lost(LockId, refusal.Problem)) : Lose(refusal.Problem);
        }
        catch (MeshException refusal) when (!refusal.Retryable)
        {
            // A text that the service does not take must not be in the way of the next renewal.
            DropProgress(progress);
            throw;
        }
    }

    /// <summary>Lets the resource go. Harmless when repeated, and without effect once the lease was handed on: it is the taker's.</summary>
    /// <param name="note">What the next holder should know, up to 500 bytes.</param>
    /// <param name="cancellationToken">Gives up telling the service; the lease then expires by itself.</param>
    /// <exception cref="LeaseLostException">It was lost before: what was written since may have been refused.</exception>
    public async Task ReleaseAsync(string? note = null, CancellationToken cancellationToken = default)
    {
        lock (_gate)
        {
            if (_standing == Standing.Released || _handedOn)
            {
                return;
            }
        }
        _renewals.Remove(this);
        _ending = true;
        try
        {
            // Also when this side has given it up: the service may still count it as held, and its word is final.
            await _api.ReleaseAsync(LockId, new ReleaseLock { FencingToken = FencingToken, Note = note }, cancellationToken);
        }
        catch (MeshException refusal) when (Problems.MeansLoss(refusal.Problem))
        {
            throw Lose(refusal.Problem);
        }
        catch (MeshException) when (_loss is not null)
        {
            throw new LeaseLostException(_loss);
        }
        finally
        {
            _ending = false;
        }
        if (!End(Standing.Released))
        {
            throw new LeaseLostException(_loss!);
        }
    }

    /// <summary>Hands the lease to another agent. This one is over; the answer has the new holder's token.</summary>
    /// <exception cref="LeaseLostException">It was lost before.</exception>
    public async Task<GrantedLock> TransferAsync(string toAgentId, string? toSessionId = null, CancellationToken cancellationToken = default)
    {
        _renewals.Remove(this);
        _ending = true;
        try
        {
            var body = new TransferLock { FencingToken = FencingToken, ToAgentId = toAgentId, ToSessionId = toSessionId };
            var (given, _) = await _api.TransferAsync(LockId, body, cancellationToken);
            End(Standing.Released);
            return given;
        }
        catch (MeshException refusal) when (Problems.MeansLoss(refusal.Problem))
        {
            throw Lose(refusal.Problem);
        }
        catch
        {
            _renewals.Add(this);
            throw;
        }
        finally
        {
            _ending = false;
        }
    }

    /// <summary>
    /// Hands the lease on to whoever takes up the ticket, <see cref="MeshClient.AttachAsync"/> in this or another process:
    /// this side renews it no more and does not release it when it is disposed. Until its deadline it is still held.
    /// </summary>
    /// <exception cref="LeaseLostException">The lease is lost.</exception>
    public Ticket Ticket()
    {
        ThrowIfLost();
        lock (_gate)
        {
            _handedOn = true;
        }
        _renewals.Remove(this);
        return _ticket with { TtlMs = _ticket.TtlMs ?? _termMs };
    }

    /// <summary>
    /// Releases, unless the lease was handed on, for at most 5 s and whatever the caller's own cancellation says. It never throws: a body that must know
    /// whether it kept its lease to the end calls <see cref="ReleaseAsync"/>.
    /// </summary>
    public ValueTask DisposeAsync() => CloseAsync(note: null);

    /// <inheritdoc cref="DisposeAsync"/>
    /// <param name="note">What the next holder should know.</param>
    internal async ValueTask CloseAsync(string? note)
    {
        if (!IsOver && !IsHandedOn)
        {
            using var limit = new CancellationTokenSource(DisposeLimit, _time);
            try
            {
                await ReleaseAsync(note, limit.Token);
            }
            catch (Exception fault) when (fault is MeshException or OperationCanceledException)
            {
                // Lost, or out of reach: either way nobody renews it any more and it ends by itself.
            }
        }
        await _alarm.DisposeAsync();
    }

    /// <summary>Why it is lost, by a look at the clock; null while it is held and after a release.</summary>
    internal LeaseLostException? FindLoss()
    {
        CheckDeadline();
        lock (_gate)
        {
            return _standing == Standing.Lost ? new LeaseLostException(_loss!) : null;
        }
    }

    internal string Namespace => _ticket.Namespace;

    internal long? TtlMs => _ticket.TtlMs;

    /// <summary>A third of the time to live from now on, up to a tenth earlier so that leases of one moment spread.</summary>
    internal void PlanRenewal(long from) => RenewAt = LeaseDeadline.Add(_time, from, RenewEvery * (1 - (Random.Shared.NextDouble() / 10)));

    internal void PlanRenewalIn(TimeSpan delay) => RenewAt = LeaseDeadline.Add(_time, _time.GetTimestamp(), delay);

    internal void Extend(long sent, long servedMs, long expiresInMs, bool holdEnds, Waiters? waiters)
    {
        lock (_gate)
        {
            // Both deadlines are certain, so the later one holds: answers may overtake each other.
            _deadline = Math.Max(_deadline, LeaseDeadline.Compute(_time, sent, servedMs, expiresInMs));
            _holdEnds = holdEnds;
            Waiters = waiters ?? Waiters;
            PlanRenewal(sent);
        }
        CheckDeadline();
    }

    /// <summary>Nothing to do when it is over already; what comes back is what this answer means in any case.</summary>
    internal LeaseLostException Lose(Problem problem)
    {
        var loss = Problems.Lost(LockId, problem);
        lock (_gate)
        {
            if (_standing != Standing.Held)
            {
                return new LeaseLostException(loss);
            }
            (_standing, _loss) = (Standing.Lost, loss);
        }
        _renewals.Remove(this);
        // The flag is set at once; callbacks of the user run elsewhere and cannot hold up or break the loop.
        _ = _lost.CancelAsync();
        return new LeaseLostException(loss);
    }

    private bool End(Standing standing)
    {
        lock (_gate)
        {
            if (_standing == Standing.Held)
            {
                _standing = standing;
            }
            return _standing == standing;
        }
    }

    /// <summary>Runs when the alarm rings and after each change; sets the alarm anew or ends the lease.</summary>
    private void CheckDeadline()
    {
        lock (_gate)
        {
            if (_standing != Standing.Held)
            {
                return;
            }
            var remaining = LeaseDeadline.Until(_time, _deadline);
            if (remaining > TimeSpan.Zero)
            {
                // Rounded down to whole ms by the timer, hence the floor: it rings early and looks again, never late.
                _alarm.Change(remaining < TimeSpan.FromMilliseconds(1) ? TimeSpan.FromMilliseconds(1) : remaining, Timeout.InfiniteTimeSpan);
                return;
            }
        }
        Lose(LossByDeadline());
    }

    private Problem LossByDeadline() => Loss(_holdEnds
        ? $"The lease of {Name} reached the end of its maximal hold."
        : $"The lease of {Name} was not renewed before its deadline, so it counts as lost.") with
    {
        EndedBecause = _holdEnds ? "max_hold" : LockState.Expired,
    };

    private Problem Loss(string detail) => ProblemCatalogue.Get("lease_lost").ToProblem(detail) with { LockId = LockId };

    /// <summary>What is held, in words.</summary>
    internal string Name => Resource ?? string.Join(", ", (Resources ?? []).Select(one => one.Resource));

    /// <summary>Unless a newer one has taken its place.</summary>
    private void DropProgress(string? sent) => Interlocked.CompareExchange(ref _progress, null, sent);
}
