using ProtoMesh.Server.Store;

namespace ProtoMesh.Tests.Locks.Model;

/// <summary>The six keys of a partition, read whole: as the lines that the model writes of itself, and checked for what must always hold.</summary>
internal sealed class StoreState
{
    private const string Dump = """
        local state, known = {}, 0
        state[1] = redis.call('HMGET', KEYS[1], 'now', 'offset', 'token', 'event')
        for part = 2, 3 do
          local fields, found = {}, {}
          for name in string.gmatch(ARGV[part], '[^\1]+') do fields[#fields + 1] = name end
          for index, text in ipairs(redis.call('HMGET', KEYS[part], '', unpack(fields))) do
            if index > 1 and text then found[#found + 1] = fields[index - 1]; found[#found + 1] = text end
          end
          state[part] = found
          state[part + 4] = redis.call('HLEN', KEYS[part]) - 1
        end
        state[4] = redis.call('ZRANGEBYLEX', KEYS[4], '-', '+')
        state[5] = redis.call('ZRANGEBYSCORE', KEYS[5], '-inf', '+inf', 'WITHSCORES')
        state[8] = {}
        for _, entry in ipairs(redis.call('XRANGE', KEYS[6], ARGV[4], '+', 'COUNT', '1000')) do
          state[8][#state[8] + 1] = entry[1]
          state[8][#state[8] + 1] = entry[2][2]
        end
        return state
        """;

    private readonly Reply _dump;
    private readonly Dictionary<string, string> _resources, _records;
    private readonly List<string> _order;
    private readonly Dictionary<string, long> _deadlines;

    private StoreState(Reply dump)
    {
        _dump = dump;
        _resources = Pairs(dump[1]);
        _records = Pairs(dump[2]);
        _order = [.. dump[3].Items.Select(member => member.Text)];
        _deadlines = Pairs(dump[4]).ToDictionary(pair => pair.Key, pair => StoreReader.Number(pair.Value));
        Requests = _records.ToDictionary(pair => pair.Key, pair => StoreReader.Lease(pair.Key, pair.Value)!);
        NewEvents = [.. dump[7].Items.Chunk(2).Select(pair => new LeaseEvent(EventId.Parse(pair[0].Text), pair[1].Text))];
    }

    public IReadOnlyDictionary<string, LeaseView> Requests { get; }

    public IReadOnlyList<LeaseEvent> NewEvents { get; }

    public long Now => _dump[0][0].Number;

    public long LastToken => _dump[0][2].Number;

    public long LastEvent => _dump[0][3].Number;

    /// <param name="afterEvent">Events up to this counter are known already.</param>
    public static async Task<StoreState> ReadAsync(LeaseRig rig, IEnumerable<string> ids, IEnumerable<string> names, long afterEvent) =>
        new(await rig.RunOwnAsync(Dump, string.Join('\u0001', names), string.Join('\u0001', ids), $"(1-{afterEvent}"));

    /// <summary>The state as lines; throws where the keys contradict each other.</summary>
    public IReadOnlyList<string> Lines()
    {
        Assert.Equal(_dump[5].Number, _resources.Count);
        Assert.Equal(_dump[6].Number, _records.Count);
        Assert.True(_order.Remove(""), "the order keeps its empty member");
        Assert.True(_deadlines.Remove(""), "the deadlines keep their sentinel");
        var lines = Requests.Values.Select(view => StateLines.Request(view, view.IsLive ? TakeDeadline(view) : TakeForgetting('q', view.Id)))
            .Concat(_resources.Select(pair => Resource(pair.Key, pair.Value.Split('\u0001'))))
            .Append(StateLines.Counters(_dump[0][0].Number, _dump[0][1].Number, LastToken, LastEvent))
            .Order(StringComparer.Ordinal).ToList();
        Assert.Empty(_order.Select(member => $"stray in the order: {member}"));
        Assert.Empty(_deadlines.Select(entry => $"stray among the deadlines: {entry}"));
        return lines;
    }

    private static Dictionary<string, string> Pairs(Reply list) => list.Items.Chunk(2).ToDictionary(pair => pair[0].Text, pair => pair[1].Text);

    private long TakeDeadline(LeaseView view)
    {
        Assert.True(_deadlines.Remove(view.Id, out var deadline), $"{view.Id} is {view.State} and has no deadline");
        Assert.True(view.State == "queued" || deadline == view.Ends, $"{view.Id} ends at {view.Ends}, its deadline is {deadline}");
        return deadline;
    }

    private long TakeForgetting(char kind, string id)
    {
        var entry = Assert.Single(_order, member => member[0] == '\u0001' && member[17] == kind && member[18..] == id);
        _order.Remove(entry);
        return StoreReader.Number(entry[1..17]);
    }

    private string Resource(string name, string[] parts)
    {
        Assert.Equal(11, parts.Length);
        TakeForgetting('s', name);
        var holders = TakeMembers(name + "\u0001h").Select(tail => tail.Split('\u0001')).ToList();
        var queue = TakeMembers(name + "\u0001w").Select(tail => tail[27..]).ToList();
        Assert.All(holders, holder => Assert.Equal(("granted", holder[0], holder[1]), Live(holder[2])));
        Assert.All(queue, id => Assert.Equal("queued", Live(id).State));
        var tokens = holders.Select(holder => Requests[holder[2]].Token).Distinct().Count();
        Assert.Equal((tokens, queue.Count), ((int)StoreReader.Number(parts[3]), (int)StoreReader.Number(parts[5])));
        _deadlines.Remove('\u0001' + name, out var wakes);
        Assert.True(wakes == 0 || wakes == StoreReader.Number(parts[6]), $"{name} rests until {parts[6]} and wakes at {wakes}");
        return StateLines.Resource(
            name, parts[0], (int)StoreReader.Number(parts[1]), parts[2], tokens, (int)StoreReader.Number(parts[4]), wakes,
            parts[8].Split('\u0002', StringSplitOptions.RemoveEmptyEntries), parts[9].Replace('\u0003', ' '), holders.Select(holder => holder[2]), queue);
    }

    private (string State, string Agent, string Session) Live(string id) =>
        Requests.TryGetValue(id, out var view) ? (view.State, view.Agent, view.Session) : ("nothing", "", "");

    private List<string> TakeMembers(string prefix)
    {
        var members = _order.Where(member => member.StartsWith(prefix, StringComparison.Ordinal)).ToList();
        members.ForEach(member => _order.Remove(member));
        return [.. members.Select(member => member[prefix.Length..])];
    }
}
