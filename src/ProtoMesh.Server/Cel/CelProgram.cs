using ProtoMesh.Server.Cel.Evaluation;

namespace ProtoMesh.Server.Cel;

/// <summary>An expression that was read and checked. Evaluating it is a pure function of the variables, on any thread.</summary>
internal sealed class CelProgram
{
    private readonly CelExpression _root;
    private readonly CelType? _expected;
    private readonly int _variables;

    internal CelProgram(string source, CelExpression root, CelType? expected, int variables)
    {
        (Source, _root, _expected, _variables) = (source, root, expected, variables);
        Paths = CelPaths.Of(root);
        Unguarded = CelGuards.Unguarded(root);
    }

    public string Source { get; }

    /// <summary>What the check knows of its values.</summary>
    public CelType Type => _root.Type;

    /// <summary>The dotted paths that it reads, each once, in the order of the text: <c>metadata.estimated_cost</c>, <c>params.limits</c>.</summary>
    public IReadOnlyList<string> Paths { get; }

    /// <summary>Optional fields that are selected where no <c>has()</c> has asked for them, for a lint.</summary>
    public IReadOnlyList<CelUnguarded> Unguarded { get; }

    /// <summary>The value, or an error value; it never throws, and stops when the budget is used up.</summary>
    public CelValue Evaluate(ReadOnlySpan<CelValue> variables, ref CelBudget budget)
    {
        if (variables.Length < _variables)
        {
            return CelValue.Error(new CelFault($"{_variables} variables are declared, and {variables.Length} have a value", _root.Position));
        }

        var share = budget.NextShare;
        var frame = new CelFrame(variables, share);
        frame.Meter.Charge(1);
        var value = _root.Evaluate(ref frame);
        budget.Take(Math.Min(frame.Meter.Used, share));
        if (frame.Meter.IsExceeded)
        {
            // Whatever && and || made of it: half an evaluation is none.
            return CelValue.Error(new CelFault(CelFault.CostLimit, _root.Position));
        }

        return _expected?.Kind is { } kind && kind != value.Kind && !value.IsError
            ? CelValue.Error(new CelFault($"{_expected.WithArticle()} is expected, and the value is {value.Kind.WithArticle()}", _root.Position))
            : value;
    }

    /// <summary>Why the condition held for these variables, and what would have to change; only for one that did.</summary>
    public CelExplanation Explain(ReadOnlySpan<CelValue> variables)
    {
        if (variables.Length < _variables)
        {
            return new CelExplanation([], []);
        }

        var explainer = new CelExplainer(variables);
        return new CelExplanation(explainer.Values(_root), explainer.ToChange(_root));
    }
}
