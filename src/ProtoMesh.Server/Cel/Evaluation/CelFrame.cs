using System.Runtime.CompilerServices;

namespace ProtoMesh.Server.Cel.Evaluation;

/// <summary>One evaluation: the variables, the variables of the comprehensions around a part, and the work that is left.</summary>
internal ref struct CelFrame(ReadOnlySpan<CelValue> variables, long limit)
{
    public readonly ReadOnlySpan<CelValue> Variables = variables;
    public CelLocals Locals;
    public CelMeter Meter = new(limit);

    /// <summary>The place of the function that is being called.</summary>
    public CelPosition Position;

    public readonly CelValue Fail(string message) => CelValue.Error(new CelFault(message, Position));

    /// <summary>The cost limit's own error; the program answers it whatever is made of this value.</summary>
    public readonly CelValue Exceeded() => CelValue.Error(new CelFault(CelFault.CostLimit, Position));
}

/// <summary>A slot for each comprehension that may be around a part.</summary>
[InlineArray(MaxNesting)]
internal struct CelLocals
{
    public const int MaxNesting = 2;

    private CelValue _first;
}
