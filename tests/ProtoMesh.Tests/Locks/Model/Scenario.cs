using FsCheck;
using FsCheck.Fluent;
using static ProtoMesh.Tests.Locks.Model.LeaseCommand;

namespace ProtoMesh.Tests.Locks.Model;

/// <summary>Settings and moves, drawn at random and shrunk by leaving moves out.</summary>
internal sealed record Scenario(LeaseSettings Settings, IReadOnlyList<Move> Moves)
{
    // Few of them come often, so that requests of one agent and session meet and re-enter each other's holds.
    private static readonly string[] Agents = ["ann", "ann", "bob", "cy"];
    private static readonly string[] Sessions = ["", "s", "s"];
    private static readonly string[] Ids = [.. Enumerable.Range(0, 9).Select(index => $"r{index}")];
    private static readonly string[] Names = ["d/t/a", "d/t/b", "d/t/c", "d/t/s"];
    private static readonly Gen<string> AnyName = Gen.Elements(Names);

    private static readonly Gen<long> Advance = Gen.Frequency(
        (16, Gen.Constant(0L)), (8, Micros(1, 1_000)), (10, Micros(1_000, 500_000)), (3, Micros(500_000, 5_000_000)), (1, Micros(5_000_000, 60_000_000)),
        (1, Micros(-10_000_000, -1)));

    private static readonly Gen<string> AnyWant =
        from name in AnyName
        from shared in Gen.Choose(0, 2)
        from units in Gen.Choose(1, 3)
        from odd in Gen.Choose(0, 24)
        select name.EndsWith('s') != (odd == 0) ? $"l,{(odd == 1 ? 4 : 3)},{units},{name}" : $"{(shared == 0 ? 's' : 'x')},1,1,{name}";

    private static readonly Gen<string> AnyWants =
        from count in Gen.Frequency((6, Gen.Constant(1)), (3, Gen.Constant(2)), (1, Gen.Constant(3)))
        from wants in AnyWant.ArrayOf(count)
        select string.Join(' ', wants.DistinctBy(want => want.Split(',')[3]));

    public static Arbitrary<Scenario> Any(int moves) => Arb.From(Generator(moves), Shorter);

    public override string ToString() => $"{Settings}, {Moves.Count} moves";

    private static Gen<long> Micros(int from, int until) => Gen.Choose(from, until).Select(micros => (long)micros);

    private static Gen<Submission> Submission(string id) =>
        from agent in Gen.Elements(Agents)
        from session in Gen.Elements(Sessions)
        from wants in AnyWants
        from priority in Gen.Choose(0, 9)
        from ttl in Gen.Elements(100L, 1_000, 3_000, 20_000)
        from wait in Gen.Elements(0L, 500, 2_000, 10_000)
        from maxHold in Gen.Elements(400L, 2_000, 3_600_000)
        from drain in Gen.Elements(0L, 0, 0, 700)
        from detached in Gen.Choose(0, 4)
        from reentrant in Gen.Choose(0, 1)
        select new Submission(id, agent, session, wants, priority, ttl, wait, maxHold, drain, detached == 0, reentrant == 0);

    /// <summary>Mostly one of the known requests as it was, so that ids come again; some with other values, some in conflict.</summary>
    private static Gen<Submission> Submitted(Submission[] known) =>
        from of in Gen.Elements(known)
        from how in Gen.Choose(0, 9)
        from other in Submission(of.Id)
        select how switch
        {
            0 => other,
            1 => of with { Priority = other.Priority, Ttl = other.Ttl, Wait = other.Wait, Drain = other.Drain },
            2 => of with { Reentrant = true },
            _ => of,
        };

    private static Gen<LeaseCommand> Command(Submission[] known)
    {
        var id = Gen.Frequency((6, Gen.Elements(Ids)), (1, Gen.Elements("h0", "h1", "h2", "h3", "h4", "h5")));
        var off = Gen.Frequency((9, Gen.Constant(0L)), (1, Gen.Elements(-1L, 1, -1_000_000)));
        var tokened =
            from of in id
            from other in Gen.Frequency((12, Gen.Constant(of)), (1, id))
            from delta in off
            select (Id: of, Token: new TokenOf(other, delta));
        var renewal =
            from of in tokened
            from ttl in Gen.Elements<long?>(null, null, 500, 5_000)
            from progress in Gen.Elements("", "half")
            select new Renewal(of.Id, of.Token, ttl, progress);
        return Gen.Frequency(
            (30, Submitted(known).Select(LeaseCommand (of) => new Acquire(of))),
            (8, Submitted(known).Select(LeaseCommand (of) => new Consider(of))),
            (14, id.Select(LeaseCommand (of) => new Wait(of))),
            (8, renewal.NonEmptyListOf().Resize(3).Select(LeaseCommand (list) => new Renew([.. list]))),
            (12, from of in tokened from note in Gen.Elements("", "done") select (LeaseCommand)new Release(of.Id, of.Token, note)),
            (4, from of in id from cause in Gen.Elements("cancel", "legacy") select (LeaseCommand)new Cancel(of, cause)),
            (5, from of in tokened from agent in Gen.Elements(Agents) from session in Gen.Elements(Sessions)
                select (LeaseCommand)new Transfer(of.Id, of.Token, "", agent, session)),
            (4, from of in id from priority in Gen.Choose(0, 9) select (LeaseCommand)new Reprioritize(of, priority)),
            (2, from name in AnyName from immediate in Gen.Choose(0, 2) select (LeaseCommand)new ForceRelease(name, "why", immediate == 0)),
            (8, Gen.Constant<LeaseCommand>(new Tick())),
            (6, id.NonEmptyListOf().Resize(4).Select(LeaseCommand (list) => new Touch([.. list.Distinct()]))),
            (3, from name in AnyName from of in tokened select (LeaseCommand)new Fence(name, of.Token)),
            (4, from of in id from ahead in Gen.Elements(0, 1, 5) select (LeaseCommand)new Read(of, ahead)));
    }

    private static Gen<Scenario> Generator(int moves) =>
        from ageing in Gen.Elements(300_000L, 100, 0, -1)
        from known in Gen.CollectToArray(Ids, Submission)
        from drawn in (from advance in Advance from command in Command(known) select new Move(advance, command)).ListOf(moves)
        select new Scenario(new LeaseSettings(ageing, 1_500, 1_000, 4_000, 8_000, 3), WithHeirs(drawn));

    /// <summary>A successor's id is made by the server: never used before.</summary>
    private static List<Move> WithHeirs(IEnumerable<Move> moves)
    {
        var heirs = 0;
        return [.. moves.Select(move => move.Command is Transfer transfer ? move with { Command = transfer with { HeirId = $"h{heirs++}" } } : move)];
    }

    private static IEnumerable<Scenario> Shorter(Scenario scenario)
    {
        var moves = scenario.Moves;
        for (var size = moves.Count / 2; size > 0; size /= 2)
        {
            for (var start = 0; start < moves.Count; start += size)
            {
                yield return scenario with { Moves = [.. moves.Take(start), .. moves.Skip(start + size)] };
            }
        }
    }
}
