using System.Runtime.CompilerServices;

namespace ProtoMesh.Server.Cel.Evaluation;

/// <summary>Counts the work of one evaluation down to its limit.</summary>
internal struct CelMeter(long limit)
{
    private readonly long _limit = limit;
    private long _left = limit;

    public readonly bool IsExceeded => _left < 0;

    public readonly long Used => _limit - _left;

    /// <summary>False from the moment at which more was done than may be.</summary>
    public bool Charge(long cost)
    {
        _left -= cost;
        return _left >= 0;
    }

    /// <summary>For a value within a value: however deep it is, the stack is not run out of.</summary>
    public bool ChargeDepth() => RuntimeHelpers.TryEnsureSufficientExecutionStack() || Charge(long.MaxValue >> 1);

    /// <summary>For characters or bytes that are compared or copied: they are cheap, but there may be many.</summary>
    public bool ChargeText(int length) => Charge(length >> 4);
}
