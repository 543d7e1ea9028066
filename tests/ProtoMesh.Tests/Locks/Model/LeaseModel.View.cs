namespace ProtoMesh.Tests.Locks.Model;

/// <summary>What is told of requests, and the whole state as lines of text, which the store's state is compared with.</summary>
internal sealed partial class LeaseModel
{
    private const int MostBlockers = 8;

    private string Describe(string tag, string id, ModelRequest? request)
    {
        if (tag is "mode_conflict" or "queue_full" || request is not { IsQueued: true })
        {
            return Answers.Described(tag, Now, id, tag is "mode_conflict" or "queue_full" ? null : request?.View());
        }

        var longest = request.Wants
            .Select(want => Queue(want.Name))
            .Select(queue => (Before: queue.Count(other => other != request && IsAhead(other, request)), queue.Count))
            .Aggregate((best, next) => next.Before > best.Before ? next : best);
        var rests = request.Wants.Max(want => _resources.GetValueOrDefault(want.Name)?.RestEnds ?? 0);
        var blockers = request.Wants.Where(want => !Fits(want))
            .SelectMany(want => Holders(want.Name).Take(MostBlockers)).Distinct().Take(MostBlockers).Select(holder => holder.Id);
        return Answers.Described(tag, Now, id, request.View(), new Place(longest.Before, longest.Count, rests > Now ? rests : 0), blockers);
    }

    /// <summary>The state that the store's six keys must show.</summary>
    public IReadOnlyList<string> Lines()
    {
        var names = _requests.Values.Where(request => request.IsLive).SelectMany(request => request.Wants).Select(want => want.Name)
            .Concat(_resources.Keys).Distinct();
        var requests = _requests.Values.Select(request => StateLines.Request(request.View(), request.IsLive ? request.Deadline : request.ForgottenAt));
        return [.. requests.Concat(names.Select(Resource)).Append(StateLines.Counters(_lastUs, _offsetUs, _lastToken, _events)).Order(StringComparer.Ordinal)];
    }

    private string Resource(string name)
    {
        var (queue, holds, resource) = (Queue(name), Holds(name), _resources[name]);
        var any = _requests.Values.FirstOrDefault(request => request.IsLive && request.Names(name))?.On(name);
        return StateLines.Resource(
            name, any is null ? "" : $"{any.Family}", any?.Capacity ?? 0, holds.Count == 0 ? "" : $"{holds[0].Mode}", holds.Count, holds.Sum(hold => hold.Units),
            resource.Wakes ? resource.RestEnds : 0, resource.Holders, Told(resource.Previous),
            Holders(name).Select(request => request.Id), queue.Select(request => request.Id));
    }
}

/// <summary>The form of those lines.</summary>
internal static class StateLines
{
    public static string Request(LeaseView view, long deadline) => $"{view} until {deadline}";

    public static string Resource(
        string name, string family, int capacity, string mode, int held, int used, long restEnds, IEnumerable<string> recent, string previous,
        IEnumerable<string> holders, IEnumerable<string> queue) =>
        $"{name}: {family}{capacity} {mode} held {held} used {used} rests {restEnds} after [{string.Join(' ', recent)}] {previous} " +
        $"holders [{string.Join(' ', holders.Order(StringComparer.Ordinal))}] queue [{string.Join(' ', queue)}]";

    public static string Counters(long now, long offset, long token, long events) => $"now {now} offset {offset} token {token} events {events}";
}
