using ProtoMesh.Server.Cel.Syntax;

namespace ProtoMesh.Server.Cel.Evaluation;

/// <summary>Something costly that a function makes of its last argument, a text: a regular expression, a network, a time zone.</summary>
internal abstract record CelPrepared(string Text);

/// <param name="prepared">What <see cref="CelFunction.Prepare"/> made of the last argument, where the function has one.</param>
internal delegate CelValue CelBody(in CelArguments arguments, CelPrepared? prepared, ref CelFrame frame);

/// <param name="IsMember">Called as <c>target.name(…)</c>; the target is then the first argument.</param>
internal sealed record CelFunction(string Name, bool IsMember, CelOverload[] Overloads, CelBody Body)
{
    /// <summary>Null with a sentence when the text cannot be used; for a literal that is an error at load.</summary>
    public Func<string, (CelPrepared? Prepared, string? Problem)>? Prepare { get; init; }

    /// <summary>What <see cref="Prepare"/> costs when the text is not known at load.</summary>
    public int PrepareCost { get; init; }

    /// <summary>The text has to be known at load: to prepare it costs too much for an evaluation.</summary>
    public bool IsLiteralOnly { get; init; }
}

internal sealed class CallExpression(CelSyntax syntax, CelFunction function, CelExpression[] arguments, CelType type, CelPrepared? literal)
    : CelExpression(syntax, type)
{
    /// <summary>The last text that was prepared; replaced as a whole, so threads may share it.</summary>
    private CelPrepared? _prepared = literal;

    public CelFunction Function => function;

    public CelExpression[] Arguments => arguments;

    public override IEnumerable<CelExpression> Parts => arguments;

    public override CelValue Evaluate(ref CelFrame frame)
    {
        var first = arguments[0].Evaluate(ref frame);
        if (first.IsError)
        {
            return first;
        }

        var second = arguments.Length > 1 ? arguments[1].Evaluate(ref frame) : default;
        if (second.IsError)
        {
            return second;
        }

        if (!frame.Meter.Charge(1))
        {
            return Exceeded();
        }

        frame.Position = Position;
        var prepared = _prepared;
        if (function.Prepare is not null && second.Kind == CelKind.String
            && !string.Equals(prepared?.Text, second.AsString, StringComparison.Ordinal))
        {
            (prepared, var problem) = frame.Meter.Charge(function.PrepareCost) ? function.Prepare(second.AsString) : (null, CelFault.CostLimit);
            if (prepared is null)
            {
                return Fail(problem!);
            }

            _prepared = prepared;
        }

        var result = function.Body(new CelArguments(first, second, arguments.Length), prepared, ref frame);
        return frame.Meter.IsExceeded ? Exceeded()
            : !result.IsAbsent ? result
            : arguments.Length == 1 ? NoOverload(function.Name, first)
            : NoOverload(function.Name, first, second);
    }
}

/// <summary>No function takes more than two; <see cref="Second"/> is <c>default</c> when there is one.</summary>
internal readonly struct CelArguments(CelValue first, CelValue second, int count)
{
    public CelValue First => first;

    public CelValue Second => second;

    public int Count => count;
}
