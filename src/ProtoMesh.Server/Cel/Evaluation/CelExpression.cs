using ProtoMesh.Server.Cel.Syntax;

namespace ProtoMesh.Server.Cel.Evaluation;

/// <summary>
/// A part of a checked expression that can be evaluated. It never throws: what has no value is an error value. Each part that
/// does something with a value charges at least one unit of work for it.
/// </summary>
internal abstract class CelExpression(CelSyntax syntax, CelType type)
{
    public CelSyntax Syntax => syntax;

    public CelType Type => type;

    public CelPosition Position => syntax.Position;

    /// <summary>The parts that it is made of, in the order of the text.</summary>
    public virtual IEnumerable<CelExpression> Parts => [];

    public abstract CelValue Evaluate(ref CelFrame frame);

    protected CelValue Fail(string message) => CelValue.Error(new CelFault(message, syntax.Position));

    protected CelValue Exceeded() => CelValue.Error(new CelFault(CelFault.CostLimit, syntax.Position));

    protected CelValue NoOverload(string function, params ReadOnlySpan<CelValue> arguments) => Fail(CelOverloads.Describe(function, arguments));
}

internal sealed class ConstantExpression(CelSyntax syntax, CelType type, CelValue value) : CelExpression(syntax, type)
{
    public CelValue Value => value;

    public override CelValue Evaluate(ref CelFrame frame) => value;
}

internal sealed class VariableExpression(CelSyntax syntax, CelVariable variable, int slot) : CelExpression(syntax, variable.Type)
{
    public string Name => variable.Name;

    public int Slot => slot;

    public override CelValue Evaluate(ref CelFrame frame) => frame.Variables[slot];
}

/// <summary>The variable of a comprehension.</summary>
internal sealed class LocalExpression(CelSyntax syntax, CelType type, int slot) : CelExpression(syntax, type)
{
    public override CelValue Evaluate(ref CelFrame frame) => frame.Locals[slot];
}

/// <summary>The same value, of which the check now knows nothing.</summary>
internal sealed class DynExpression(CelSyntax syntax, CelExpression operand) : CelExpression(syntax, CelType.Dyn)
{
    public override IEnumerable<CelExpression> Parts => [operand];

    public override CelValue Evaluate(ref CelFrame frame) => operand.Evaluate(ref frame);
}
