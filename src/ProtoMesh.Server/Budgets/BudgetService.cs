using System.Security.Cryptography;
using System.Text;
using ProtoMesh.Contracts;
using ProtoMesh.Contracts.Budgets;
using ProtoMesh.Server.Access;
using ProtoMesh.Server.Http;
using ProtoMesh.Server.Store;

namespace ProtoMesh.Server.Budgets;

/// <summary>An answer, or the problem instead of it.</summary>
internal readonly record struct BudgetAnswer<T>(T? Value, Problem? Problem)
    where T : class
{
    public static implicit operator BudgetAnswer<T>(T value) => new(value, null);

    public static implicit operator BudgetAnswer<T>(Problem problem) => new(null, problem);
}

/// <summary>Reservations as callers make and settle them.</summary>
internal sealed class BudgetService(BudgetScripts scripts, IBudgetBook book, PriceTable prices, TimeProvider time)
{
    public async Task<BudgetAnswer<Reservation>> ReserveAsync(ReserveBudget body, Caller caller, CancellationToken cancellationToken)
    {
        if (caller.Admit(body.Namespace, body.AgentId, out var named, out var agentId) is { } foreign)
        {
            return foreign;
        }

        body = body with { AgentId = agentId };
        var errors = BudgetValidator.Check(body);
        if (errors.Count > 0)
        {
            return Problems.Invalid(errors);
        }

        var space = named ?? ResourceName.DefaultNamespace;
        var subject = new BudgetSubject(space, agentId!, caller.Facts, body.RunId, body.Metadata);
        var (slots, problem) = SlotsOf(subject, body.Budgets!);
        if (problem is not null)
        {
            return problem;
        }

        var unit = slots[0].Budget.Unit;

        // Only a price needs the store's time beforehand: a window that this clock has wrong the script refuses, and it is asked again.
        var now = body.Estimate is null ? time.GetUtcNow() : await scripts.NowAsync(space, cancellationToken);
        if (body.Estimate is { } estimate && !TokenCosts.IsFor(unit))
        {
            return Problems.Invalid([Problems.Field("estimate", $"only for budgets of usd and of tokens; these are of {unit}, so send amount", null)]);
        }

        if ((body.Amount ?? TokenCosts.Of(prices, body.Estimate!, unit, now)?.Amount) is not { } amount)
        {
            return Unpriced(body.Estimate!);
        }

        var hold = new BudgetHold
        {
            ReservationId = body.ReservationId ?? Guid.CreateVersion7(now).ToString(),
            Digest = DigestOf(agentId!, string.Join(' ', body.Budgets!), body.Amount, body.Estimate, body.HoldMs, body.RunId, body.Metadata?.GetRawText()),
            AgentId = agentId!, Unit = unit, Amount = amount, HoldMs = body.HoldMs ?? BudgetValidator.DefaultHoldMs, Slots = slots, RunId = body.RunId,
        };
        var reply = await scripts.ReserveAsync(space, hold, now, cancellationToken);
        return reply.Verdict switch
        {
            "full" => BudgetProblems.Exceeded(reply),
            "conflict" => Problems.Of("reservation_conflict", $"The reservation {hold.ReservationId} was made with other content."),
            _ => reply.Record!.Shown(space, reply.Now),
        };
    }

    public async Task<BudgetAnswer<Reservation>> FindAsync(string id, string? named, Caller caller, CancellationToken cancellationToken) =>
        await SettleAsync(id, named, caller, BudgetValidator.Namespace(named), space => scripts.FindAsync(space, id, caller.Guard, cancellationToken));

    public async Task<BudgetAnswer<Reservation>> ReleaseAsync(string id, ReleaseBudget body, Caller caller, CancellationToken cancellationToken) =>
        await SettleAsync(id, body.Namespace, caller, BudgetValidator.Namespace(body.Namespace), space => scripts.ReleaseAsync(space, id, caller.Guard, BudgetRelease.Asked, cancellationToken));

    public async Task<BudgetAnswer<Reservation>> CommitAsync(string id, CommitBudget body, Caller caller, CancellationToken cancellationToken)
    {
        Problem? refusal = null;
        var answer = await SettleAsync(id, body.Namespace, caller, BudgetValidator.Check(body), async space =>
        {
            var (unit, at) = ("", default(DateTimeOffset));
            if (body.Usage is not null)
            {
                var found = await scripts.FindAsync(space, id, caller.Guard, cancellationToken);
                if (found.Record is null)
                {
                    return found;
                }

                (unit, at) = (found.Record.Unit, found.Now);
            }

            (var settlement, refusal) = SettlementOf(body, unit, at);
            return settlement is null ? new BudgetReply("refused", at, null, 0) : await scripts.CommitAsync(space, id, caller.Guard, settlement, cancellationToken);
        });
        return refusal ?? answer;
    }

    private (BudgetSettlement? Settlement, Problem? Refusal) SettlementOf(CommitBudget body, string unit, DateTimeOffset at)
    {
        var digest = DigestOf(body.Actual, body.Usage);
        if (body.Usage is not { } usage)
        {
            return (new BudgetSettlement(body.Actual!.Value, digest, "claimed", body.Actual, null, null, null), null);
        }

        if (!TokenCosts.IsFor(unit))
        {
            return (null, Problems.Invalid([Problems.Field("usage", $"only for reservations of usd and of tokens; this one is of {unit}, so send actual", null)]));
        }

        var cost = TokenCosts.Of(prices, usage, unit, at);
        if (cost is not { } known)
        {
            return body.Actual is { } claim ? (new BudgetSettlement(claim, digest, "unpriced", claim, null, usage.Model, null), null) : (null, Unpriced(usage));
        }

        var table = unit == BudgetAmounts.Usd ? prices.Version : null;
        if (!known.IsPriced)
        {
            return (new BudgetSettlement(body.Actual ?? known.Amount, digest, "unpriced", body.Actual, null, usage.Model, table), null);
        }

        // Where the two are too far apart the larger counts: a budget is not stretched by a claim.
        return body.Actual is not { } claimed ? (new BudgetSettlement(known.Amount, digest, "recomputed", null, known.Amount, usage.Model, table), null)
            : prices.IsDisputed(claimed, known.Amount) ? (new BudgetSettlement(Math.Max(claimed, known.Amount), digest, "disputed", claimed, known.Amount, usage.Model, table), null)
            : (new BudgetSettlement(claimed, digest, "recomputed", claimed, known.Amount, usage.Model, table), null);
    }

    private static async Task<BudgetAnswer<Reservation>> SettleAsync(string id, string? named, Caller caller, List<FieldError> errors, Func<string, Task<BudgetReply>> ask)
    {
        if (caller.Enter(named, out var own) is { } foreign)
        {
            return foreign;
        }

        if (errors.Count > 0)
        {
            return Problems.Invalid(errors);
        }

        var space = own ?? ResourceName.DefaultNamespace;
        if (!BudgetValidator.IsReservationId(id))
        {
            return BudgetProblems.UnknownReservation(space);
        }

        var reply = await ask(space);
        return reply.Verdict switch
        {
            "ok" => reply.Record!.Shown(space, reply.Now),
            "conflict" => Problems.Of("reservation_conflict", $"The reservation {id} was committed with {BudgetAmounts.Shown(reply.Record!.Actual ?? 0, reply.Record.Unit)}."),
            "settled" => Problems.Of("reservation_settled", $"The reservation {id} is {reply.Record!.State}.") with { State = reply.Record.State },
            "enormous" => Problems.Invalid([Problems.Field("actual", "at most what keeps the sum of a budget's window at 9000000000000000", null)]),
            _ => BudgetProblems.UnknownReservation(space),
        };
    }

    private (IReadOnlyList<BudgetSlot> Slots, Problem? Problem) SlotsOf(BudgetSubject subject, IReadOnlyList<string> names)
    {
        var slots = new List<BudgetSlot>();
        var known = book.Of(subject.Namespace);
        foreach (var name in names)
        {
            if (known.FirstOrDefault(each => each.Name == name) is not { } budget)
            {
                return ([], BudgetProblems.UnknownBudget(subject.Namespace, name));
            }

            var (key, problem) = book.KeyOf(subject, budget);
            if (problem is not null)
            {
                return ([], Problems.Invalid([Problems.Field("budgets", problem, name)]));
            }

            slots.Add(new BudgetSlot(budget, key));
        }

        var units = slots.Select(slot => slot.Budget.Unit).Distinct(StringComparer.Ordinal).ToList();
        return units.Count == 1 ? (slots, null) : ([], Problems.Invalid([Problems.Field("budgets", $"budgets of one unit, not of {string.Join(" and ", units)}", null)]));
    }

    private static Problem Unpriced(TokenUsage usage) => Problems.Of("model_unpriced", $"The price table has no price of {usage.Model} for now.");

    private static string DigestOf(params object?[] parts) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\u0001', parts))).AsSpan(0, 12));
}
