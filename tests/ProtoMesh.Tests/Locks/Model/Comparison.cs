using ProtoMesh.Server.Store;

namespace ProtoMesh.Tests.Locks.Model;

/// <summary>A command and how much the clock moves before it, in microseconds; it may be stepped back.</summary>
internal sealed record Move(long AdvanceUs, LeaseCommand Command)
{
    public override string ToString() => $"{AdvanceUs / 1000.0:+0.###;-0.###} ms: {Command}";
}

/// <summary>The model and the store do not agree.</summary>
internal sealed class DifferenceException(string message) : Exception(message);

/// <summary>Runs the same moves on the model and on a store and compares, after each, the answer and the whole state.</summary>
internal sealed class Comparison(LeaseRig rig)
{
    private readonly LeaseModel _model = new(rig.Settings);
    private readonly EventReplay _events = new();
    private readonly HashSet<string> _ids = new(StringComparer.Ordinal), _names = new(StringComparer.Ordinal);
    private long _storeToken;

    public static async Task RunAsync(LeaseRig rig, IReadOnlyList<Move> moves)
    {
        await rig.OpenAsync();
        var comparison = new Comparison(rig);
        for (var index = 0; index < moves.Count; index++)
        {
            try
            {
                await comparison.StepAsync(moves[index]);
            }
            catch (Exception difference) when (difference is Xunit.Sdk.XunitException or DifferenceException or StoreException)
            {
                throw new DifferenceException($"After move {index}, {moves[index]}:\n{difference.Message}\nThe moves:\n{string.Join('\n', moves.Take(index + 1))}");
            }
        }
    }

    private async Task StepAsync(Move move)
    {
        if (rig.OwnTime && move.Command is (LeaseCommand.Fence or LeaseCommand.Touch))
        {
            return; // Their answers do not say when they ran.
        }

        rig.Clock = Math.Max(1_000_000, rig.Clock + move.AdvanceUs);
        Mention(move.Command);
        var reply = await rig.RunAsync(move.Command, _model.Resolve, _model.WaitEnds);
        var state = await StoreState.ReadAsync(rig, _ids, _names, _events.LastCounter);
        var grants = state.NewEvents.Where(one => one.Kind == "granted").ToList();
        var ranAt = rig.OwnTime ? OwnTime(move.Command, reply, state) : rig.Clock;
        var expected = _model.Step(move.Command, ranAt, [.. grants.Select(grant => grant.RequestId)]);
        var answer = StoreReader.Answer(move.Command, reply);
        if (answer != expected)
        {
            throw new DifferenceException($"expected {expected}\nanswered {answer}");
        }

        foreach (var one in state.NewEvents)
        {
            _events.Apply(one);
        }

        CompareStates(state);
        Assert.True(state.LastToken >= _storeToken, "the tokens went back");
        _storeToken = state.LastToken;
    }

    /// <summary>To the microsecond where the script saved its time, else to the millisecond of its answer.</summary>
    private static long OwnTime(LeaseCommand command, Reply reply, StoreState state) =>
        StoreReader.Now(command, reply) is var now && state.Now / 1_000 == now ? state.Now : now * 1_000;

    private void CompareStates(StoreState state)
    {
        var (found, expected) = (state.Lines(), _model.Lines());
        if (!found.SequenceEqual(expected))
        {
            throw new DifferenceException(
                $"expected state\n{string.Join('\n', expected.Except(found))}\nfound\n{string.Join('\n', found.Except(expected))}");
        }

        _events.AssertLedTo(state.Requests);
        Assert.Equal(state.LastEvent, _events.LastCounter);
    }

    private void Mention(LeaseCommand command)
    {
        if (command is LeaseCommand.Acquire acquire)
        {
            _ids.Add(acquire.Of.Id);
            _names.UnionWith(acquire.Of.Parts.Select(want => want.Name));
        }
        else if (command is LeaseCommand.Transfer transfer)
        {
            _ids.Add(transfer.HeirId);
        }
    }
}
