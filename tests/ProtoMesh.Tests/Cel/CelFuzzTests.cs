using System.Diagnostics;
using System.Globalization;
using ProtoMesh.Server.Cel;
using ProtoMesh.Server.Cel.Syntax;
using Xunit.Abstractions;

namespace ProtoMesh.Tests.Cel;

/// <summary>
/// Random and damaged expressions: none throws, none takes long, and what the check says of a value is true.
/// <c>CEL_FUZZ_SECONDS=300</c> runs it longer than the three seconds of the suite; <c>PROTOMESH_SEED</c> repeats a run.
/// </summary>
public sealed class CelFuzzTests(ITestOutputHelper output)
{
    [Fact]
    public void No_expression_throws_and_every_value_is_of_the_type_that_the_check_found()
    {
        var seed = int.TryParse(Environment.GetEnvironmentVariable("PROTOMESH_SEED"), out var given) ? given : Random.Shared.Next();
        var seconds = int.TryParse(Environment.GetEnvironmentVariable("CEL_FUZZ_SECONDS"), CultureInfo.InvariantCulture, out var longer) ? longer : 3;
        output.WriteLine($"seed {seed}");
        var generator = new CelGenerator(seed);
        var counts = (Tried: 0, Compiled: 0, Values: 0, Explained: 0);
        for (var watch = Stopwatch.StartNew(); watch.Elapsed.TotalSeconds < seconds; counts.Tried++)
        {
            var source = generator.Next();
            try
            {
                var started = watch.Elapsed;
                Examine(source, ref counts);

                // Another process may have had the processor; what is slow in itself is slow again.
                for (var attempt = 0; attempt < 3 && (watch.Elapsed - started).TotalSeconds > 1; attempt++)
                {
                    started = watch.Elapsed;
                    Examine(source, ref counts);
                }

                Assert.InRange((watch.Elapsed - started).TotalSeconds, 0, 1);
            }
            catch (Exception exception)
            {
                Assert.Fail($"seed {seed}, expression {counts.Tried}: {source}\n{exception}");
            }
        }

        output.WriteLine($"{counts.Tried} expressions, {counts.Compiled} compiled, {counts.Values} with a value, {counts.Explained} explained");
        Assert.True(counts.Values > 100 && counts.Explained > 10, counts.ToString());
    }

    private static void Examine(string source, ref (int Tried, int Compiled, int Values, int Explained) counts)
    {
        var facts = CelRig.Facts();
        var program = CelRig.Environment.Compile(source, null, out var issue);
        Assert.True(program is null == issue is not null);
        if (program is null)
        {
            var lines = source.Split('\n');
            Assert.InRange(issue!.Line, 1, lines.Length);
            Assert.InRange(issue.Column, 1, lines[issue.Line - 1].Length + 1);
            return;
        }

        counts.Compiled++;
        var value = Evaluate(program, facts);
        var text = value.ToLiteral();
        Assert.Equal(text, Evaluate(program, facts).ToLiteral());
        if (value.IsError)
        {
            return;
        }

        counts.Values++;
        Assert.True(program.Type.Kind is not { } kind || kind == value.Kind, $"The check said {program.Type}, the value is {text}.");

        // Printed and read again it is the same expression, if no literal of it was too long to print and no limit is met on the way.
        var printed = CelParser.Parse(source).ToString();
        if (printed.Contains('…', StringComparison.Ordinal))
        {
            return;
        }

        var again = CelRig.Environment.Compile(printed, null, out var refused);
        Assert.True(again is not null || refused!.Message.Contains("longer than", StringComparison.Ordinal), $"{printed}: {refused}");
        Assert.Equal(text, again is null ? text : Evaluate(again, facts).ToLiteral());
        Assert.Equal(program.Paths, again?.Paths ?? program.Paths);
        if (value.IsTrue)
        {
            counts.Explained++;
            Assert.All(program.Explain(facts).ToChange, Assert.NotEmpty);
        }
    }

    private static CelValue Evaluate(CelProgram program, CelValue[] facts)
    {
        var budget = CelBudget.ForDecision();
        return program.Evaluate(facts, ref budget);
    }
}
