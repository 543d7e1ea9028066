using ProtoMesh.Server.Store;
using System.Globalization;
using ProtoMesh.Contracts;
using ProtoMesh.Contracts.Locks;
using ProtoMesh.Server.Access;
using ProtoMesh.Server.Http;

namespace ProtoMesh.Server.Locks;

/// <summary>The calls under <c>/v1/locks</c>, <c>/v1/resources</c> and <c>/v1/fences</c>.</summary>
internal static class LockEndpoints
{
    public static void MapLocks(this IEndpointRouteBuilder routes)
    {
        var locks = routes.MapGroup("/v1/locks").WithTags("Locks");
        locks.MapPost("", AcquireAsync).Needs(Scopes.LocksAcquire).WithName("acquireLock").Documented(LockDocs.Acquire).Answers<GrantedLock>(200).Answers<QueuedLock>(202)
            .Fails("validation_failed", "lock_held", "lock_timeout", "lock_ended", "mode_conflict", "request_id_conflict", "cross_partition", "queue_full", "namespace_limit", "journal_unavailable", "policy_denied", "agent_mismatch", "namespace_unknown", "approval_not_needed", "approvals_unavailable");
        locks.MapPost("/{id}/wait", WaitAsync).Needs(Scopes.LocksKeep).WithName("waitForLock").Documented(LockDocs.Wait).Answers<GrantedLock>(200).Answers<QueuedLock>(202)
            .Fails("validation_failed", "lock_timeout", "lock_ended", "lock_unknown", "journal_unavailable", "policy_denied", "agent_mismatch");
        locks.MapPost("/{id}/renew", RenewAsync).Needs(Scopes.LocksKeep).WithName("renewLock").Documented(LockDocs.Renew).Answers<RenewedLock>(200)
            .Fails("validation_failed", "lease_lost", "token_mismatch", "lock_unknown", "agent_mismatch");
        locks.MapPost("/renew", RenewManyAsync).Needs(Scopes.LocksKeep).WithName("renewLocks").Documented(LockDocs.RenewMany).Answers<RenewResults>(200).Fails("validation_failed");
        locks.MapPost("/{id}/release", ReleaseAsync).Needs(Scopes.LocksKeep).WithName("releaseLock").Documented(LockDocs.Release).Answers<ReleasedLock>(200)
            .Fails("validation_failed", "lease_lost", "token_mismatch", "lock_unknown", "journal_unavailable", "agent_mismatch");
        locks.MapPost("/{id}/cancel", CancelAsync).Needs(Scopes.LocksKeep).WithName("cancelLock").Documented(LockDocs.Cancel).Answers<ReleasedLock>(200)
            .Fails("validation_failed", "lock_unknown", "journal_unavailable", "agent_mismatch");
        locks.MapPost("/{id}/transfer", TransferAsync).Needs(Scopes.LocksKeep).WithName("transferLock").Documented(LockDocs.Transfer).Answers<GrantedLock>(200)
            .Fails("validation_failed", "lease_lost", "token_mismatch", "lock_unknown", "journal_unavailable", "agent_mismatch");
        locks.MapPost("/{id}/reprioritize", ReprioritizeAsync).Needs(Scopes.LocksOperate).WithName("reprioritizeLock").Documented(LockDocs.Reprioritize).Answers<QueuedLock>(200)
            .Fails("validation_failed", "not_waiting", "lock_ended", "lock_unknown", "journal_unavailable", "agent_mismatch");
        locks.MapGet("/{id}", GetAsync).Needs(Scopes.LocksRead).WithName("getLock").Documented(LockDocs.Get).Answers<ObservedLock>(200).Fails("validation_failed", "lock_unknown");
        locks.MapGet("/{id}/explain", ExplainAsync).Needs(Scopes.LocksRead).WithName("explainLock").Documented(LockDocs.Explain).Answers<Explanation>(200).Fails("validation_failed", "lock_unknown");
        locks.MapGet("", ListAsync).Needs(Scopes.LocksRead).WithName("listLocks").Documented(LockDocs.List).Answers<LockPage>(200).Fails("validation_failed", "namespace_unknown");

        var resources = routes.MapGroup("/v1/resources").WithTags("Resources");
        resources.MapGet("", ResourcesAsync).Needs(Scopes.LocksRead).WithName("listResources").Documented(LockDocs.Resources).Answers<ResourcePage>(200).Fails("validation_failed", "namespace_unknown");
        resources.MapGet("/queue", QueueAsync).Needs(Scopes.LocksRead).WithName("getQueue").Documented(LockDocs.Queue).Answers<QueuePage>(200).Fails("validation_failed", "namespace_unknown");
        resources.MapPost("/force-release", ForceReleaseAsync).Needs(Scopes.LocksOperate).WithName("forceRelease").Documented(LockDocs.ForceRelease).Answers<ForceReleased>(200)
            .Fails("validation_failed", "journal_unavailable", "namespace_unknown");
        routes.MapPost("/v1/fences/validate", ValidateAsync).Needs(Scopes.LocksRead).WithTags("Fences").WithName("validateFence").Documented(LockDocs.Validate).Answers<FenceVerdict>(200).Fails("validation_failed", "namespace_unknown");
    }

    private static async Task<IResult> AcquireAsync(
        AcquireLock body, HttpContext context, LockValidator validator, LockService service, CancellationToken cancellationToken, bool dry_run = false)
    {
        var caller = Caller.Of(context);
        if (caller.Admit(body.Namespace, body.AgentId, out var space, out var agentId) is { } foreign)
        {
            return Problems.Result(foreign);
        }

        var read = validator.Read(body with { Namespace = space, AgentId = agentId }, caller);
        if (read.Problem is { } problem)
        {
            return Problems.Result(problem);
        }

        if (dry_run)
        {
            var considered = await service.ConsiderAsync(read.Value!, cancellationToken);
            return considered.Problem is { } refused ? Problems.Result(refused.For(caller)) : TypedResults.Ok(considered.Value!.For(caller));
        }

        return HoldOpen.TryRead(context, 0, out var hold)
            ? Of(context, await service.AcquireAsync(read.Value!, hold, caller, cancellationToken))
            : Problems.Validation("Prefer", HoldOpen.Rule, context.Request.Headers["Prefer"].ToString());
    }

    private static async Task<IResult> WaitAsync(string id, HttpContext context, LockService service, LockScripts scripts, CancellationToken cancellationToken)
    {
        if (!HoldOpen.TryRead(context, 8, out var hold))
        {
            return Problems.Validation("Prefer", HoldOpen.Rule, context.Request.Headers["Prefer"].ToString());
        }

        return LockId.TryParse(id, scripts.Partitions, out var lockId)
            ? Of(context, await service.WaitAsync(lockId, hold, Caller.Of(context), cancellationToken))
            : Problems.Result(LockProblems.Unknown(id));
    }

    private static async Task<IResult> RenewAsync(
        string id, RenewLock body, HttpContext context, LockService service, LockScripts scripts, LockValidator validator, CancellationToken cancellationToken)
    {
        var caller = Caller.Of(context);
        var errors = new LockValidator.Errors();
        errors.Token(body.FencingToken);
        errors.Range("ttl_ms", body.TtlMs, 1_000, validator.MostTtlMs(caller), validator.TtlRule(caller));
        errors.Note("progress", body.Progress, required: false);
        return await CheckedAsync(id, scripts, errors, async lockId => Of(await service.RenewAsync(lockId, body.FencingToken!.Value, body.TtlMs, body.Progress, caller.Guard, cancellationToken)));
    }

    private static async Task<IResult> RenewManyAsync(
        RenewLocks body, HttpContext context, LockService service, LockScripts scripts, LockValidator validator, CancellationToken cancellationToken)
    {
        var caller = Caller.Of(context);
        var errors = new LockValidator.Errors();
        var items = body.Locks ?? [];
        errors.Require("locks", items.Count is >= 1 and <= LockValidator.MostRenewals, $"1 to {LockValidator.MostRenewals} leases", body.Locks?.Count);
        for (var index = 0; index < items.Count && index < LockValidator.MostRenewals; index++)
        {
            errors.Require($"locks[{index}].lock_id", items[index]?.LockId is not null, LockValidator.LockIdRule, null);
            errors.Require($"locks[{index}].fencing_token", items[index]?.FencingToken is >= 1 and <= 9_007_199_254_740_991, LockValidator.TokenRule, items[index]?.FencingToken);
            errors.Range($"locks[{index}].ttl_ms", items[index]?.TtlMs, 1_000, validator.MostTtlMs(caller), validator.TtlRule(caller));
        }

        if (errors.Any)
        {
            return Problems.Result(errors.Problem);
        }

        var leases = items.Select(item => (
            LockId.TryParse(item.LockId!, scripts.Partitions, out var id) ? id : (LockId?)null, item.LockId!, item.FencingToken!.Value, item.TtlMs));
        return TypedResults.Ok(await service.RenewAsync([.. leases], caller.Guard, cancellationToken));
    }

    private static async Task<IResult> ReleaseAsync(string id, ReleaseLock body, HttpContext context, LockService service, LockScripts scripts, CancellationToken cancellationToken)
    {
        var errors = new LockValidator.Errors();
        errors.Token(body.FencingToken);
        errors.Note("note", body.Note, required: false);
        return await CheckedAsync(id, scripts, errors, async lockId =>
            Of((await service.ReleaseAsync(lockId, body.FencingToken!.Value, body.Note, Caller.Of(context).Guard, cancellationToken)).Answer));
    }

    private static async Task<IResult> CancelAsync(string id, HttpContext context, LockService service, LockScripts scripts, CancellationToken cancellationToken) =>
        await CheckedAsync(id, scripts, new LockValidator.Errors(), async lockId => Of(await service.CancelAsync(lockId, Caller.Of(context).Guard, cancellationToken)));

    /// <summary>Mapped by the Legacy room, because the first version had a call of its own at <c>/v1/locks/cancel</c>.</summary>
    public static async Task<IResult> CancelByRequestAsync(CancelLock body, Caller caller, LockService service, CancellationToken cancellationToken)
    {
        if (caller.Enter(body.Namespace, out var space) is { } foreign)
        {
            return Problems.Result(foreign);
        }

        var errors = new LockValidator.Errors();
        var name = errors.Resource(space, body.Resource);
        errors.Require("request_id", body.RequestId is not null && RequestIds.IsValid(body.RequestId), RequestIds.Rule, body.RequestId);
        return errors.Any
            ? Problems.Result(errors.Problem)
            : Of(await service.CancelAsync(new LockId(body.RequestId!, service.PartitionOf(name)), caller.Guard, cancellationToken));
    }

    private static async Task<IResult> TransferAsync(string id, TransferLock body, HttpContext context, LockService service, LockScripts scripts, CancellationToken cancellationToken)
    {
        var errors = new LockValidator.Errors();
        errors.Token(body.FencingToken);
        errors.Text("to_agent_id", body.ToAgentId, required: true);
        errors.Text("to_session_id", body.ToSessionId, required: false);
        return await CheckedAsync(id, scripts, errors, async lockId =>
            Of(await service.TransferAsync(lockId, body.FencingToken!.Value, body.ToAgentId!, body.ToSessionId ?? "", Caller.Of(context), cancellationToken)));
    }

    private static async Task<IResult> ReprioritizeAsync(
        string id, ReprioritizeLock body, HttpContext context, LockService service, LockScripts scripts, CancellationToken cancellationToken)
    {
        var caller = Caller.Of(context);
        var errors = new LockValidator.Errors();
        errors.Require("priority", body.Priority is >= 0 && body.Priority <= (caller.MaxPriority ?? 9), LockValidator.PriorityRule(caller), body.Priority);
        return await CheckedAsync(id, scripts, errors, async lockId => Of(await service.ReprioritizeAsync(lockId, body.Priority!.Value, caller.Guard, cancellationToken)));
    }

    private static async Task<IResult> GetAsync(string id, HttpContext context, LockReader reader, LockScripts scripts, CancellationToken cancellationToken) =>
        await CheckedAsync(id, scripts, new LockValidator.Errors(), async lockId => Of(await reader.GetAsync(lockId, Caller.Of(context), cancellationToken)));

    private static async Task<IResult> ExplainAsync(string id, HttpContext context, LockReader reader, LockScripts scripts, CancellationToken cancellationToken) =>
        await CheckedAsync(id, scripts, new LockValidator.Errors(), async lockId => Of(await reader.ExplainAsync(lockId, Caller.Of(context), cancellationToken)));

    private static async Task<IResult> ListAsync(
        HttpContext context, LockReader reader, CancellationToken cancellationToken, string? @namespace = null, string? state = null, string? agent_id = null,
        string? type = null, string? page_token = null, string? limit = null)
    {
        var errors = new LockValidator.Errors();
        errors.Require("namespace", @namespace is null || ResourceName.IsNamespace(@namespace), ResourceName.NamespaceRule, @namespace);
        errors.Require("state", state is null or LockState.Granted or LockState.Queued, "granted or queued; what has ended is in the history", state);
        errors.Text("agent_id", agent_id, required: false);
        var most = errors.Limit(limit);
        return errors.Any
            ? Problems.Result(errors.Problem)
            : Page((await reader.ListAsync(new LockFilter(@namespace, state, agent_id, type), page_token, most, cancellationToken))?.For(Caller.Of(context)), page_token);
    }

    private static async Task<IResult> ResourcesAsync(
        HttpContext context, LockReader reader, CancellationToken cancellationToken, string? @namespace = null, string? type = null, string? order_by = null,
        string? page_token = null, string? limit = null)
    {
        var errors = new LockValidator.Errors();
        errors.Require("namespace", @namespace is null || ResourceName.IsNamespace(@namespace), ResourceName.NamespaceRule, @namespace);
        errors.Require("order_by", order_by is null or "name" or "contention", "name or contention", order_by);
        var most = errors.Limit(limit);
        return errors.Any
            ? Problems.Result(errors.Problem)
            : Page((await reader.ResourcesAsync(@namespace, type, order_by == "contention", page_token, most, cancellationToken))?.For(Caller.Of(context)), page_token);
    }

    private static async Task<IResult> QueueAsync(
        HttpContext context, LockReader reader, CancellationToken cancellationToken, string? resource = null, string? @namespace = null, string? page_token = null, string? limit = null)
    {
        var errors = new LockValidator.Errors();
        var name = errors.Resource(@namespace, resource);
        var most = errors.Limit(limit);
        return errors.Any ? Problems.Result(errors.Problem) : Page((await reader.QueueAsync(name, page_token, most, cancellationToken))?.For(Caller.Of(context)), page_token);
    }

    private static async Task<IResult> ForceReleaseAsync(ForceRelease body, HttpContext context, LockService service, CancellationToken cancellationToken)
    {
        if (Caller.Of(context).Enter(body.Namespace, out var space) is { } foreign)
        {
            return Problems.Result(foreign);
        }

        var errors = new LockValidator.Errors();
        var name = errors.Resource(space, body.Resource);
        errors.Note("reason", body.Reason, required: true);
        return errors.Any
            ? Problems.Result(errors.Problem)
            : Of(await service.ForceReleaseAsync(name, body.Reason!, body.Immediate == true, cancellationToken));
    }

    private static async Task<IResult> ValidateAsync(ValidateFence body, HttpContext context, LockService service, CancellationToken cancellationToken)
    {
        if (Caller.Of(context).Enter(body.Namespace, out var space) is { } foreign)
        {
            return Problems.Result(foreign);
        }

        var errors = new LockValidator.Errors();
        var name = errors.Resource(space, body.Resource);
        errors.Token(body.FencingToken);
        return errors.Any ? Problems.Result(errors.Problem) : TypedResults.Ok(await service.ValidateAsync(name, body.FencingToken!.Value, cancellationToken));
    }

    private static async Task<IResult> CheckedAsync(string id, LockScripts scripts, LockValidator.Errors errors, Func<LockId, Task<IResult>> call)
    {
        if (errors.Any)
        {
            return Problems.Result(errors.Problem);
        }

        return LockId.TryParse(id, scripts.Partitions, out var lockId) ? await call(lockId) : Problems.Result(LockProblems.Unknown(id));
    }

    private static IResult Of(HttpContext context, LockOutcome outcome)
    {
        var caller = Caller.Of(context);
        switch (outcome)
        {
            case LockOutcome.Granted granted:
                return TypedResults.Ok(granted.Lock);
            case LockOutcome.Queued queued:
                context.Response.Headers.RetryAfter = "1";
                return TypedResults.Accepted($"/v1/locks/{queued.Lock.LockId}", queued.Lock.For(caller));
            case LockOutcome.Refused refused:
                return Problems.Result(refused.Problem.For(caller));
            default:
                throw new InvalidOperationException("A request has three outcomes.");
        }
    }

    private static IResult Of<T>(Answer<T> answer)
        where T : class => answer.Problem is { } problem ? Problems.Result(problem) : TypedResults.Ok(answer.Value);

    private static IResult Page<T>(T? page, string? token)
        where T : class => page is null ? Problems.Validation("page_token", PageTokens.Rule, token) : TypedResults.Ok(page);
}
