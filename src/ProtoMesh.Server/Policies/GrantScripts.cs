using System.Globalization;
using ProtoMesh.Server.Journal;
using ProtoMesh.Server.Store;

namespace ProtoMesh.Server.Policies;

/// <summary>
/// Calls the scripts about uses of approvals. Whether one is used is decided in the store, beside rates, in the same script as
/// everything else that a decision takes; SQL follows by the journal.
/// </summary>
internal sealed class GrantScripts(PolicyScripts scripts, JournalWakes journal)
{
    private static readonly Script Return = Script.Named("Policies/Lua/return_grant.lua");
    private static readonly Script End = Script.Named("Policies/Lua/end_grant.lua");

    /// <summary>What <c>oblige.lua</c> is told of a grant after its kind.</summary>
    public static IEnumerable<string> Arguments(Obligation.Grant grant, string taker) =>
        [KeyOf(grant.Id), Text(grant.Uses), Text(Ms(grant.EndsAt)), Text(Ms(grant.ForgottenAt)), grant.Question.AgentId, NamesOf(grant), ExtrasOf(grant, taker)];

    /// <summary>A use was taken: the embedded store puts it on the disk before anybody is told (Redis as its appendfsync says), and SQL hears of it soon.</summary>
    public async Task UsedAsync(string space, CancellationToken cancellationToken)
    {
        await scripts.PersistAsync(cancellationToken);
        journal.Nudge(scripts.HomeOf(space));
    }

    /// <summary>The store's time, to the millisecond.</summary>
    public async ValueTask<DateTime> NowAsync(CancellationToken cancellationToken) =>
        DateTimeOffset.FromUnixTimeMilliseconds((await scripts.NowAsync(cancellationToken)).ToUnixTimeMilliseconds()).UtcDateTime;

    public async Task ReturnAsync(Obligation.Grant grant, string taker, CancellationToken cancellationToken)
    {
        var space = grant.Question.Namespace;
        await scripts.RunAtHomeAsync(
            Return, space, [KeyOf(grant.Id), taker, Text(Ms(grant.ForgottenAt)), grant.Question.AgentId, NamesOf(grant), ExtrasOf(grant, taker)], cancellationToken);
        journal.Nudge(scripts.HomeOf(space));
    }

    /// <summary>Ends a grant before it lapses, or only looks.</summary>
    /// <param name="space">Its namespace.</param>
    /// <param name="id">Which one.</param>
    /// <param name="isStanding">A standing one ends however often it was used; another only when it was not.</param>
    /// <param name="forgottenAt">Until when nobody may be able to use it.</param>
    /// <param name="ends">False only looks.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns><c>revoked</c>, now or before; <c>used</c>; or <c>free</c>, when it was only looked at. And the store's time.</returns>
    public async Task<(string State, DateTimeOffset Now)> EndAsync(string space, string id, bool isStanding, DateTimeOffset forgottenAt, bool ends, CancellationToken cancellationToken)
    {
        var reply = await scripts.RunAtHomeAsync(End, space, [KeyOf(id), isStanding ? "0" : "1", Text(Ms(forgottenAt)), ends ? "1" : "0"], cancellationToken);
        if (ends)
        {
            await scripts.PersistAsync(cancellationToken);
        }

        return (reply[0].Text, DateTimeOffset.FromUnixTimeMilliseconds(long.Parse(reply[1].Text, CultureInfo.InvariantCulture)));
    }

    /// <summary>No rate begins so: they begin with a namespace.</summary>
    private static string KeyOf(string id) => $"\u0003grant\u0003{id}";

    private static string NamesOf(Obligation.Grant grant) => string.Join('\u0002', grant.Question.Resources.Select(resource => $"x,0,0,{resource.Full}"));

    private static string ExtrasOf(Obligation.Grant grant, string taker) => string.Join(
        '\u0002', $"{(grant.IsStanding ? "grant_id" : "approval_id")}={grant.Id}", $"action={grant.Question.Action}", $"consumed_by={grant.Question.RequestId ?? taker}", $"namespace={grant.Question.Namespace}");

    private static long Ms(DateTimeOffset time) => time.ToUnixTimeMilliseconds();

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
