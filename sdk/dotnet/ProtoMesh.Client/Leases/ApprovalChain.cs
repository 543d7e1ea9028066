using ProtoMesh.Contracts.Policies;

namespace ProtoMesh.Leases;

/// <summary>
/// Asks, waits for people where the policy wants them and the caller does too, and asks again with their answer. Nothing
/// is held between two questions.
/// </summary>
/// <param name="client">The client's own.</param>
/// <param name="approvals">Where people decide.</param>
/// <param name="options">What the caller asks for.</param>
/// <param name="ask">Asks the service once; its second argument lets the action run when the service is out of reach.</param>
internal sealed class ApprovalChain(
    MeshClientOptions client, ApprovalsClient approvals, GuardOptions options, Func<GuardOptions, bool, CancellationToken, Task<Guard>> ask)
{
    // Of a service whose answers contradict each other.
    private const int MostRounds = 16;

    private static readonly TimeSpan ShortestRound = TimeSpan.FromMilliseconds(250);

    private readonly TimeProvider _time = client.TimeProvider;
    private readonly HashSet<string> _told = new(StringComparer.Ordinal);
    private readonly GuardOptions _options = options;
    private GuardOptions _asked = options;
    private bool _needsPeople;
    private long? _ends;

    public async Task<Guard> RunAsync(CancellationToken cancellationToken)
    {
        for (var round = 1; ; round++)
        {
            // What people have to approve is not done without them because the service has gone meanwhile.
            var guard = await ask(_asked, !_needsPeople, cancellationToken);
            if (guard.Granted || round == MostRounds)
            {
                return guard;
            }
            if (guard.Denial.Code == "approval_not_needed" && _asked.ApprovalId is not null)
            {
                // The policy is another one by now, and content without it.
                _asked = _asked with { ApprovalId = null };
                continue;
            }
            if (guard.Decision is not { Decision: PolicyVerdict.RequireApproval, Approval: { ApprovalId: { } id } wanted })
            {
                return guard;
            }
            _needsPeople = true;
            if (wanted.State == ApprovalsClient.Approved && id != _asked.ApprovalId)
            {
                // They said yes since this was last asked.
                _asked = _asked with { ApprovalId = id };
                continue;
            }
            if (_options.OnApproval != OnApproval.Wait)
            {
                return guard;
            }
            try
            {
                var state = await WaitAsync(id, cancellationToken);
                if (state == ApprovalsClient.Pending)
                {
                    return guard;
                }
                // Whatever they said, the service tells it in the words of a decision. Where nobody has said no and it is
                // over all the same, as when the policy was changed, it is asked for anew.
                _asked = _asked with { ApprovalId = state is ApprovalsClient.Superseded or ApprovalsClient.Lapsed ? null : id };
            }
            catch (MeshException fault)
            {
                return new Guard(_options.Action!, fault.Problem);
            }
        }
    }

    /// <returns>The state that the approval is in now.</returns>
    private async Task<string> WaitAsync(string id, CancellationToken cancellationToken)
    {
        _ends ??= LeaseDeadline.Add(_time, _time.GetTimestamp(), _options.ApprovalTimeout);
        if (_told.Add(id))
        {
            if (_options.OnWaiting is { } tell && await approvals.GetAsync(id, cancellationToken) is { State: ApprovalsClient.Pending } approval)
            {
                tell(approval);
            }
        }
        else
        {
            // It was waited for before. A service whose answers contradict each other is not asked in a tight loop.
            await Task.Delay(ShortestRound, _time, cancellationToken);
        }
        var left = LeaseDeadline.Until(_time, _ends.Value);
        return left > TimeSpan.Zero ? (await approvals.WaitAsync(id, left, cancellationToken)).State : ApprovalsClient.Pending;
    }
}
