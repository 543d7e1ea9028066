using System.Text.RegularExpressions;
using ProtoMesh.Server.Cel;

namespace ProtoMesh.CelConformance;

internal enum Outcome
{
    Passed,

    /// <summary>An error of the evaluation is expected, and the expression was refused before it.</summary>
    PassedAtLoad,
    Failed,
    Excluded,
}

/// <summary>One test: an expression, its variables, and what it must come to.</summary>
internal sealed partial class Case(string section, TextMessage test)
{
    public string Name => $"{section}/{test.Text("name")}";

    public string Expression => test.Text("expr");

    /// <summary>Runs the test; the note says why it is excluded, or what was expected and what came.</summary>
    public (Outcome Outcome, string Note) Run()
    {
        if (Exclusion() is { } reason)
        {
            return (Outcome.Excluded, reason);
        }

        var bindings = test.Messages("bindings").ToDictionary(each => each.Text("key"), each => Values.Value(each.Message("value")?.Message("value")));
        var types = test.Messages("type_env").ToDictionary(each => each.Text("name"), each => Values.Type(each.Message("ident")?.Message("type")));
        if (bindings.Values.Contains(null) || types.Values.Contains(null))
        {
            return (Outcome.Excluded, "a variable is a message, an enum or a wrapper");
        }

        var expected = test.Message("typed_result") is { } typed ? Values.Value(typed.Message("result"))
            : test.Message("value") is { } value ? Values.Value(value)
            : test.Has("eval_error") ? null
            : CelValue.True;
        if (expected is null && !test.Has("eval_error"))
        {
            return (Outcome.Excluded, "the result is a message or an enum");
        }

        return Judge(expected, bindings, types);
    }

    private (Outcome, string) Judge(CelValue? expected, Dictionary<string, CelValue?> bindings, Dictionary<string, CelType?> types)
    {
        var names = types.Keys.Union(bindings.Keys).ToList();
        var environment = new CelEnvironment([.. names.Select(name => new CelVariable(name, types.GetValueOrDefault(name) ?? CelType.Dyn))])
        {
            IsTyped = test.Word("disable_check") != "true",
        };
        var program = environment.Compile(Expression, null, out var issue);
        if (program is null)
        {
            return expected is null ? (Outcome.PassedAtLoad, "") : (Outcome.Failed, $"expected {expected.Value.ToLiteral()}, refused at {issue}");
        }

        var unbound = CelValue.Error(new CelFault("no value", new CelPosition(1, 1)));
        var budget = CelBudget.ForDecision();
        var result = program.Evaluate([.. names.Select(name => bindings.GetValueOrDefault(name) ?? unbound)], ref budget);
        var isRight = expected is null ? result.IsError : Values.AreSame(expected.Value, result);
        return isRight ? (Outcome.Passed, "") : (Outcome.Failed, $"expected {(expected is null ? "an error" : expected.Value.ToLiteral())}, got {result.ToLiteral()}");
    }

    private string? Exclusion() =>
        MessagePattern().IsMatch(Expression) ? "the expression names a message, a wrapper or an enum"
        : test.Text("container").Length > 0 ? "names are resolved in a container"
        : test.Messages("type_env").Any(each => each.Has("function")) ? "a function is declared"
        : test.Has("unknown") || test.Has("any_unknowns") ? "unknown values"
        : null;

    [GeneratedRegex(@"TestAllTypes|GlobalEnum|google\.protobuf\.(?!Timestamp\b|Duration\b)")]
    private static partial Regex MessagePattern();
}
