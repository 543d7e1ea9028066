using Microsoft.Extensions.Options;
using ProtoMesh.Contracts;
using ProtoMesh.Contracts.Locks;
using ProtoMesh.Contracts.Policies;
using ProtoMesh.Server.Access;
using ProtoMesh.Server.Policies;
using ProtoMesh.Server.Store;

namespace ProtoMesh.Server.Locks;

/// <summary>Asks the policies about requests that name an action: before they are enqueued, and again when one is claimed under another policy.</summary>
internal sealed class LockGate(PolicyService policies, LockScripts scripts, IOptions<LockOptions> options)
{
    /// <summary>What the journal says of a request that a changed policy ended.</summary>
    public const string Cause = "policy_denied";

    /// <summary>The request with the decision that it rides on, or why it may not be made.</summary>
    public async ValueTask<LockAdmission> AdmitAsync(LockRequest request, LockId id, CancellationToken cancellationToken)
    {
        if (request.Payload.Action is not { } action)
        {
            return new LockAdmission(request, null, null, null);
        }

        // A repetition gets what the first submission has become; it is not decided twice and takes nothing twice.
        if (request.HasOwnId && (request.ApprovalId is not null || policies.TakesFor(request.Wants[0].Name.Namespace, action)) && await IsKnownAsync(request, id, cancellationToken))
        {
            return new LockAdmission(request, null, null, null);
        }

        var step = new LockStep(scripts, request, id.Partition);
        var question = QuestionOf(request, action) with { Step = step, BeginsWithinMs = request.WaitMs == 0 ? 0 : request.WaitMs + options.Value.ClaimMs };
        var (answer, problem) = await policies.DecideAsync(question, cancellationToken);
        if (answer is null)
        {
            return new LockAdmission(request, null, null, problem);
        }

        if (step.Submitted is { } submitted)
        {
            return new LockAdmission(request, question, answer, null) { Submitted = WithCounters(submitted, answer.Decision) };
        }

        if (!answer.Decision.Allowed)
        {
            return request.HasOwnId && await IsKnownAsync(request, id, cancellationToken)
                ? new LockAdmission(request, null, null, null)
                : new LockAdmission(request, question, answer, LockProblems.Denied(answer.Decision));
        }

        return new LockAdmission(LockStep.Stamped(request, StampOf(answer.Decision)), question, answer, null);
    }

    private static PolicyStamp StampOf(PolicyDecision decision) => new()
    {
        DecisionId = decision.DecisionId,
        Policy = decision.Policy,
        Obligations = decision.Obligations is not { } taken || (taken.Budget is null && taken.Approval is null) ? null : new PolicyObligations { Budget = taken.Budget, Approval = taken.Approval },
    };

    /// <summary>What was written before the budgets were known to fit is answered with how they stand since.</summary>
    private static RequestReply WithCounters(RequestReply reply, PolicyDecision decision) =>
        reply.Record?.Payload.Decision?.DecisionId == decision.DecisionId ? reply with { Decision = StampOf(decision) } : reply;

    /// <summary>What the policy says to a request that is only considered.</summary>
    public async ValueTask<(PolicyDecision? Decision, Problem? Problem)> ConsiderAsync(LockRequest request, CancellationToken cancellationToken)
    {
        if (request.Payload.Action is not { } action)
        {
            return (null, null);
        }

        var (answer, problem) = await policies.DecideAsync(QuestionOf(request, action) with { IsDryRun = true }, cancellationToken);
        return (answer?.Decision, problem);
    }

    /// <summary>Gives back what an admission took, when no lease and no place in a queue came of it.</summary>
    public Task GiveBackAsync(LockAdmission admission) =>
        admission is { Question: { } question, Answer: { } answer } ? policies.GiveBackAsync(question, answer) : Task.CompletedTask;

    /// <summary>Gives back what was reserved for requests of a partition of whose lease nobody was told, where the budgets are counted in another one.</summary>
    public async Task ReleaseAsync(int partition, IEnumerable<UnusedReservation> unused)
    {
        foreach (var (space, id, agentId) in unused.Where(each => !policies.IsHome(each.Namespace, partition)))
        {
            await policies.ReleaseAsync(space, agentId, id);
        }
    }

    /// <summary>
    /// Asks again before a waiter's grant is claimed, if another policy decides now than when it was submitted. A deny ends
    /// the lease, unless another poll of the same waiter has claimed it meanwhile.
    /// </summary>
    public async ValueTask<Problem?> AskAgainAsync(RequestReply reply, CancellationToken cancellationToken)
    {
        var record = reply.Record!;
        if (record.Payload is not { Action: { } action, Decision: { } stamp } payload || stamp.Policy.Sha256 == policies.DigestOf(record.Wants[0].Name.Namespace))
        {
            return null;
        }

        var question = QuestionOf(reply.Id, record, record.AgentId, action, payload) with { Facts = payload.Asker };
        var (answer, problem) = await policies.DecideAsync(question, cancellationToken);
        if (answer is { Decision.Allowed: true })
        {
            return null;
        }

        if (answer is null)
        {
            return problem;
        }

        var ended = await scripts.CancelAsync(reply.Id, Cause, "", CancellationToken.None);
        return ended.Record is { State: LockState.Granted } ? null : LockProblems.Denied(answer.Decision, reply.Id);
    }

    /// <summary>Whether a lease with an action may be handed to another agent: the policy is asked about that one.</summary>
    public async ValueTask<Problem?> AskForHeirAsync(LockId id, LockRecord record, string agentId, CancellationToken cancellationToken)
    {
        if (record is not { IsLive: true, Payload: { Action: { } action } payload })
        {
            return null;
        }

        // With keys nobody can speak for the heir: neither the giver's key, nor what the giver said of itself.
        var question = QuestionOf(id, record, agentId, action, payload) with { Facts = payload.Asker is null ? null : agentId == record.AgentId ? payload.Asker : KeyFacts.Nobody };
        var (answer, problem) = await policies.DecideAsync(question, cancellationToken);
        return answer is null ? problem : answer.Decision.Allowed ? null : LockProblems.Denied(answer.Decision, id);
    }

    private static PolicyQuestion QuestionOf(LockId id, LockRecord record, string agentId, string action, LockPayload payload) => new()
    {
        Namespace = record.Wants[0].Name.Namespace,
        AgentId = agentId,
        Action = action,
        Resources = [.. record.Wants.Select(want => want.Name)],
        RequestId = id.RequestId,
        Metadata = payload.Metadata,
        RunId = payload.RunId,
        Requests = [.. record.Wants.Select(want => FactsOf(want, record))],
        IsRepeated = true,
    };

    private async ValueTask<bool> IsKnownAsync(LockRequest request, LockId id, CancellationToken cancellationToken)
    {
        var (reply, _) = await scripts.ReadAsync(id, 0, cancellationToken);
        return reply.Record?.Digest == request.Digest;
    }

    private static PolicyQuestion QuestionOf(LockRequest request, string action) => new()
    {
        Namespace = request.Wants[0].Name.Namespace,
        AgentId = request.AgentId,
        Action = action,
        Resources = [.. request.Wants.Select(want => want.Name)],
        RequestId = request.RequestId,
        Metadata = request.Payload.Metadata,
        RunId = request.Payload.RunId,
        Facts = request.Payload.Asker,
        ApprovalId = request.ApprovalId,
        Reason = request.Payload.Reason,
        Requests = [.. request.Wants.Select(want => new RequestFacts(
            want.Mode, Math.Max(want.Units, 1), request.Priority, request.TtlMs, request.WaitMs, request.MaxHoldMs,
            request.Flags.Contains(LockFlags.Detached, StringComparison.Ordinal), request.Flags.Contains(LockFlags.Reentrant, StringComparison.Ordinal)))],
    };

    private static RequestFacts FactsOf(Want want, LockRecord record) => new(
        want.Mode, Math.Max(want.Units, 1), record.Priority, record.Ttl, record.WaitEnds - record.Enqueued, record.MaxHold, record.IsDetached, false);
}

/// <summary>What was reserved for a request that got no lease.</summary>
internal sealed record UnusedReservation(string Namespace, string ReservationId, string AgentId);

/// <summary>What came of asking the policies about a request.</summary>
/// <param name="Request">To submit, with its decision in it.</param>
/// <param name="Question">What was asked; null when nothing was.</param>
/// <param name="Answer">What was answered.</param>
/// <param name="Problem">Why it must not be submitted.</param>
internal sealed record LockAdmission(LockRequest Request, PolicyQuestion? Question, PolicyAnswer? Answer, Problem? Problem)
{
    /// <summary>What came of it, when it was submitted in the step that took what the policy requires.</summary>
    public RequestReply? Submitted { get; init; }
}

/// <summary>The submission of a request as the step in which a policy takes what it requires: what is refused or not kept takes nothing.</summary>
internal sealed class LockStep(LockScripts scripts, LockRequest request, int partition) : IObligedStep
{
    public int Partition => partition;

    public RequestReply? Submitted { get; private set; }

    public static LockRequest Stamped(LockRequest request, PolicyStamp stamp) => request with { Payload = request.Payload with { Decision = stamp } };

    public async ValueTask<Reply> RunAsync(PolicyStamp stamp, string taker, string[] obligations, CancellationToken cancellationToken)
    {
        var reply = await scripts.AcquireObligedAsync(partition, Stamped(request, stamp), taker, obligations, cancellationToken);
        Submitted = reply[0].Text == "done" ? RequestReply.Of(partition, reply.Items[^1]) : null;
        return reply;
    }
}
