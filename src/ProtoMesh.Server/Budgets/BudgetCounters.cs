using System.Globalization;
using ProtoMesh.Contracts;
using ProtoMesh.Contracts.Budgets;
using ProtoMesh.Server.Access;
using ProtoMesh.Server.Data;
using ProtoMesh.Server.Http;
using ProtoMesh.Server.Journal;
using ProtoMesh.Server.Store;

namespace ProtoMesh.Server.Budgets;

/// <summary>What a page of the ledger is asked for.</summary>
internal sealed record LedgerQuestion(string Name, string? Namespace, string? Key, string? ReservationId, string? PageToken, string? Limit);

/// <summary>How budgets stand, in the store and in the ledger, and what sets them right.</summary>
internal sealed class BudgetCounters(BudgetScripts scripts, IBudgetBook book, LedgerReader ledger, JournalWatermark watermark, BudgetDrift drifts, TimeProvider time)
{
    private const string LedgerList = "ledger";

    /// <summary>How long a caller waits for the ledger to have what the store has.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan RebuildPatience = TimeSpan.FromSeconds(10);

    public BudgetList List(string space)
    {
        var (name, version, sha256) = book.PolicyOf(space);
        return new BudgetList { Budgets = [.. book.Of(space).Select(BudgetViews.Of)], Policy = new BudgetPolicy { Name = name, Version = version, Sha256 = sha256 } };
    }

    public async Task<BudgetAnswer<BudgetUsage>> UsageAsync(string name, string? named, string? key, Caller caller, CancellationToken cancellationToken)
    {
        var (space, slot, problem) = SlotOf(name, named, key, caller, BudgetValidator.Namespace(named));
        return problem is not null ? problem : await UsageAsync(space, slot, cancellationToken);
    }

    public async Task<BudgetAnswer<BudgetUsage>> TopUpAsync(string name, TopUpBudget body, Caller caller, CancellationToken cancellationToken)
    {
        var (space, slot, problem) = SlotOf(name, body.Namespace, body.Key, caller, BudgetValidator.Check(body));
        if (problem is not null)
        {
            return problem;
        }

        var payload = new ReservationPayload { Unit = slot.Budget.Unit, Amount = body.Amount!.Value, Reason = body.Reason, By = caller.Name, Budgets = [] };
        var digest = string.Join('\u0002', name, slot.Key, body.Amount.Value.ToString(CultureInfo.InvariantCulture), body.Reason);
        var now = await scripts.NowAsync(space, cancellationToken);
        var reply = await scripts.TopUpAsync(space, slot, payload, body.TopUpId, digest, now, cancellationToken);
        return reply.Verdict switch
        {
            "conflict" => Problems.Of("reservation_conflict", $"The top-up {body.TopUpId} was made with other content."),
            "enormous" => Problems.Invalid([Problems.Field("amount", "at most what keeps the cap at 9000000000000000", body.Amount)]),
            _ => await UsageAsync(space, slot, cancellationToken),
        };
    }

    /// <summary>Sets the counter of the present window to what the ledger says. What happens meanwhile makes it begin again.</summary>
    public async Task<BudgetAnswer<BudgetUsage>> RebuildAsync(string name, RebuildBudget body, Caller caller, CancellationToken cancellationToken)
    {
        var errors = BudgetValidator.Namespace(body.Namespace);
        BudgetValidator.Key(body.Key, errors);
        var (space, slot, problem) = SlotOf(name, body.Namespace, body.Key, caller, errors);
        if (problem is not null)
        {
            return problem;
        }

        var started = time.GetTimestamp();
        while (true)
        {
            var now = await scripts.NowAsync(space, cancellationToken);
            var seen = await scripts.UsageAsync(space, [slot], now, cancellationToken);
            var left = RebuildPatience - time.GetElapsedTime(started);
            if (left <= TimeSpan.Zero || !await watermark.WaitAsync(scripts.PartitionOf(space), seen.Newest, left, cancellationToken))
            {
                return Problems.Of("journal_unavailable", "The ledger does not have yet what the store has, so nothing was changed.") with { RetryAfterMs = 1_000 };
            }

            var (counter, sums) = (seen.Lines[0], await ledger.SumAsync(space, slot, now, cancellationToken));
            var drift = counter.Spent - sums.Spent;
            var payload = new ReservationPayload { Unit = slot.Budget.Unit, Amount = -drift, By = caller.Name, Budgets = [] };
            var buckets = string.Join('\u0002', sums.Buckets.Select(bucket => string.Create(CultureInfo.InvariantCulture, $"{bucket.Index},{bucket.Spent},{bucket.ToppedUp},{bucket.Disputed}")));
            var reply = await scripts.RebuildAsync(space, slot, now, counter.Event, sums.Held, buckets, payload, cancellationToken);
            if (reply.Verdict == "ok")
            {
                return await UsageAsync(space, slot, cancellationToken) with { DriftBefore = drift };
            }
        }
    }

    public async Task<BudgetAnswer<LedgerPage>> LedgerAsync(LedgerQuestion question, Caller caller, CancellationToken cancellationToken)
    {
        var errors = BudgetValidator.Namespace(question.Namespace);
        BudgetValidator.Key(question.Key, errors);
        var most = BudgetValidator.Limit(question.Limit, errors);
        BudgetValidator.Require(errors, "reservation_id", question.ReservationId is null || BudgetValidator.IsReservationId(question.ReservationId), "8 to 72 of A-Z, a-z, 0-9, _ and -", question.ReservationId);
        var filter = string.Join(' ', question.Namespace ?? ResourceName.DefaultNamespace, question.Name, question.Key, question.ReservationId);
        long before = 0;
        var isPlace = PageTokens.TryRead(LedgerList, question.PageToken, out var place)
            && (place is null || (place.Split('\n') is [var of, var id] && of == filter && long.TryParse(id, NumberStyles.None, CultureInfo.InvariantCulture, out before)));
        BudgetValidator.Require(errors, "page_token", isPlace, PageTokens.Rule, question.PageToken);
        var (space, slot, problem) = caller.SeesAllIds && question.Key is null
            ? WholeOf(question.Name, question.Namespace, caller, errors) : SlotOf(question.Name, question.Namespace, question.Key, caller, errors);
        if (problem is not null)
        {
            return problem;
        }

        await CatchUpAsync(space, cancellationToken);
        var rows = await ledger.ListAsync(
            space, question.Name, caller.SeesAllIds && question.Key is null ? null : slot.Key, question.ReservationId, caller.Own, place is null ? null : before, most + 1, cancellationToken);
        return new LedgerPage
        {
            Entries = [.. rows.Take(most).Select(BudgetViews.Of)],
            NextPageToken = rows.Count > most ? PageTokens.Make(LedgerList, string.Create(CultureInfo.InvariantCulture, $"{filter}\n{rows[most - 1].Id}")) : null,
        };
    }

    /// <summary>Lets a caller read what it has just done; a ledger that is behind, or a store that is away, does not keep it from reading the rest.</summary>
    private async Task CatchUpAsync(string space, CancellationToken cancellationToken)
    {
        try
        {
            var newest = (await scripts.UsageAsync(space, [], default, cancellationToken)).Newest;
            await watermark.WaitAsync(scripts.PartitionOf(space), newest, Patience, cancellationToken);
        }
        catch (StoreException)
        {
            // The ledger is in SQL and can be read all the same.
        }
    }

    private async Task<BudgetUsage> UsageAsync(string space, BudgetSlot slot, CancellationToken cancellationToken)
    {
        var now = await scripts.NowAsync(space, cancellationToken);
        var reply = await scripts.UsageAsync(space, [slot], now, cancellationToken);
        var counter = reply.Lines[0];
        var spent = await LedgerSpentAsync(space, slot, reply, cancellationToken);
        if (spent is not null)
        {
            drifts.Saw(space, counter.Name, counter.Key, counter.Spent - spent.Value);
        }

        return BudgetViews.Of(counter, spent, reply.Now);
    }

    /// <summary>Null while the ledger is behind or away: a difference that is only late is no drift.</summary>
    private async Task<long?> LedgerSpentAsync(string space, BudgetSlot slot, CounterReply reply, CancellationToken cancellationToken)
    {
        var last = reply.Lines[0].Event is { Length: > 0 } own ? EventId.Parse(own) : EventId.None;
        try
        {
            return last == EventId.None || await watermark.WaitAsync(scripts.PartitionOf(space), last, Patience, cancellationToken)
                ? (await ledger.SumAsync(space, slot, reply.Now, cancellationToken)).Spent : null;
        }
        catch (Exception problem) when (DatabaseProblem.IsOf(problem))
        {
            return null;
        }
    }

    private (string Space, BudgetSlot Slot, Problem? Problem) WholeOf(string name, string? named, Caller caller, List<FieldError> errors)
    {
        if (caller.Enter(named, out var own) is { } foreign)
        {
            return ("", default, foreign);
        }

        if (errors.Count > 0)
        {
            return ("", default, Problems.Invalid(errors));
        }

        var space = own ?? ResourceName.DefaultNamespace;
        return book.Of(space).FirstOrDefault(each => each.Name == name) is { } budget ? (space, new BudgetSlot(budget, ""), null) : (space, default, BudgetProblems.UnknownBudget(space, name));
    }

    /// <summary>The counter that a caller means; an agent has its own and no other.</summary>
    private (string Space, BudgetSlot Slot, Problem? Problem) SlotOf(string name, string? named, string? key, Caller caller, List<FieldError> errors)
    {
        BudgetValidator.Key(key, errors);
        var (space, slot, problem) = WholeOf(name, named, caller, errors);
        if (problem is not null)
        {
            return (space, slot, problem);
        }

        if (slot.Budget.Key is null)
        {
            return key is null ? (space, slot, null) : (space, slot, Problems.Invalid([Problems.Field("key", $"absent: {name} has one counter for all", key)]));
        }

        if (!caller.SeesAllIds)
        {
            // What a run is called nobody vouches for, so whoever knows its name may look.
            caller.ActAs(null, out var agentId);
            agentId ??= key is not null && caller.MayBe(key) ? key : "";
            var (own, _) = book.KeyOf(new BudgetSubject(space, agentId, caller.Facts, key, null), slot.Budget);
            return own.Length > 0 && (key is null || own == key) ? (space, slot with { Key = own }, null)
                : key is null ? (space, slot, KeyMissing(name)) : (space, slot, BudgetProblems.UnknownBudget(space, name));
        }

        return key is null ? (space, slot, KeyMissing(name)) : (space, slot with { Key = key }, null);
    }

    private static Problem KeyMissing(string name) => Problems.Invalid([Problems.Field("key", $"required: {name} has a counter for each key", null)]);
}
