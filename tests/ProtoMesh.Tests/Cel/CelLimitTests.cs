using System.Diagnostics;
using ProtoMesh.Server.Cel;

namespace ProtoMesh.Tests.Cel;

/// <summary>Whatever an expression says, it takes bounded stack, time and memory.</summary>
public sealed class CelLimitTests
{
    private static readonly CelVariable[] Big = [new("big", CelType.ListOf(CelType.Int)), new("text", CelType.String), new("any", CelType.Dyn), new("now", CelType.Timestamp)];

    [Fact]
    public void An_expression_has_at_most_4096_code_points()
    {
        Assert.Equal("1:1 the expression is longer than 4096 characters", CelRig.Refused("1" + new string(' ', 4096)).ToString());
        Assert.NotNull(CelRig.Compile("1" + new string(' ', 4095)));
        Assert.NotNull(CelRig.Compile($"'{string.Concat(Enumerable.Repeat("😀", 4094))}'"));
    }

    [Theory]
    [InlineData("(", "1", ")")]
    [InlineData("[", "1", "]")]
    [InlineData("{1: ", "1", "}")]
    [InlineData("!", "true", "")]
    [InlineData("-", "any", "")]
    [InlineData("size([", "1", "])")]
    [InlineData("any ? 1 : ", "1", "")]
    [InlineData("any[", "1", "]")]
    public void Nesting_ends_at_64_levels(string open, string inner, string close)
    {
        foreach (var depth in new[] { 66, 300, 4_000 })
        {
            var source = string.Concat(Enumerable.Repeat(open, depth)) + inner + string.Concat(Enumerable.Repeat(close, depth));
            Assert.Contains(source.Length > 4_096 ? "longer than 4096" : "nested deeper than 64 levels", CelRig.Refused(source).Message, StringComparison.Ordinal);
        }

        var fine = string.Concat(Enumerable.Repeat(open, 30)) + inner + string.Concat(Enumerable.Repeat(close, 30));
        Assert.NotNull(CelRig.Compile(fine));
    }

    [Theory]
    [InlineData("1", "+1")]
    [InlineData("any", ".a")]
    [InlineData("any", "[0]")]
    [InlineData("any", "==any")]
    [InlineData("any", "-any")]
    [InlineData("[1]", ".map(x,x)")]
    public void A_chain_ends_at_64_levels_too(string first, string link)
    {
        foreach (var length in new[] { 64, 400 })
        {
            var source = first + string.Concat(Enumerable.Repeat(link, length));
            Assert.Contains("nested deeper than 64 levels", CelRig.Refused(source).Message, StringComparison.Ordinal);
        }

        Assert.NotNull(CelRig.Compile(first + string.Concat(Enumerable.Repeat(link, 50))));
    }

    [Fact]
    public void A_chain_of_and_or_or_is_one_level_however_long()
    {
        Assert.True(Run(string.Join("&&", Enumerable.Repeat("true", 600))).IsTrue);
        Assert.False(Run(string.Join("||", Enumerable.Repeat("false", 580))).IsTrue);
    }

    [Fact]
    public void Comprehensions_nest_twice()
    {
        Assert.Equal(
            "1:47 comprehensions are nested deeper than 2 levels",
            CelRig.Refused("[1].all(a, [1].all(b, true) && [1].all(b, [1].all(c, true)))").ToString());
        Assert.NotNull(CelRig.Compile("[[1]].map(a, a.map(b, b)).map(c, c.map(d, d))"));
    }

    [Theory]
    [InlineData("big.all(x, big.all(y, x + y >= 0))")]
    [InlineData("big.all(x, big.all(y, x + y >= 0)) || true")]
    [InlineData("!big.all(x, big.all(y, x + y >= 0)) && false")]
    [InlineData("big.map(x, big).map(y, y + y + y + y).size() > 0")]
    [InlineData("big.exists(x, big.filter(y, y > x) == big)")]
    [InlineData("big.map(x, text + text) == big.map(x, text)")]
    [InlineData("big.exists(x, text.contains('aaaaaaaaaaaaaaaaaaaab'))")]
    [InlineData("big.exists(x, text.matches('(a+)+$b'))")]
    [InlineData("big.exists(x, glob(text, '*a*a*a*b'))")]
    [InlineData("big.exists(x, now.getHours('+0' + string(x % 2) + ':00') < 0)")]
    [InlineData("big.exists(x, size(text) + size(bytes(text)) < 0)")]
    public void A_rule_that_works_too_much_is_an_error_that_nothing_absorbs(string source)
    {
        var watch = Stopwatch.StartNew();
        var before = GC.GetAllocatedBytesForCurrentThread();
        var budget = CelBudget.ForDecision();

        var value = Run(source, ref budget);

        Assert.True(value.Fault?.IsCostLimit, value.ToLiteral());
        Assert.Equal(CelBudget.DecisionLimit, budget.Left + CelBudget.RuleLimit);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 8_000_000);
        Assert.InRange(watch.Elapsed.TotalSeconds, 0, 10);
    }

    [Theory]
    [InlineData("['aaaaaaaaaaaaaaaa']", ".map(x, x + x)", ".size() == 1")]
    [InlineData("[b'aaaaaaaaaaaaaaaa']", ".map(x, x + x)", ".size() == 1")]
    [InlineData("[[1]]", ".map(x, x + x)", ".size() == 1")]
    public void What_doubles_with_every_step_is_stopped(string first, string step, string end)
    {
        var budget = CelBudget.ForDecision();
        var before = GC.GetAllocatedBytesForCurrentThread();

        Assert.True(Run(first + string.Concat(Enumerable.Repeat(step, 40)) + end, ref budget).Fault?.IsCostLimit);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4_000_000);
    }

    [Fact]
    public void A_small_value_with_a_billion_leaves_is_not_walked()
    {
        var budget = CelBudget.ForDecision();
        var doubled = "[1]" + string.Concat(Enumerable.Repeat(".map(x, [x, x])", 30));

        Assert.True(Run($"{doubled} == {doubled}", ref budget).Fault?.IsCostLimit);
        Assert.InRange(Run(doubled, ref budget).ToLiteral().Length, 1_000, 1_100);
    }

    [Fact]
    public void A_decision_has_work_for_ten_rules_that_use_theirs_up()
    {
        var budget = CelBudget.ForDecision();
        for (var rule = 0; rule < 10; rule++)
        {
            Assert.True(budget.Left > 0);
            Run("big.all(x, big.all(y, x + y >= 0))", ref budget);
        }

        Assert.Equal(0, budget.Left);
        Assert.True(Run("true", ref budget).Fault?.IsCostLimit);
    }

    [Fact]
    public void A_regular_expression_has_at_most_256_characters()
    {
        Assert.NotNull(CelRig.Compile($"'a'.matches('{new string('a', 256)}')"));
        Assert.Contains("at most 256 characters", CelRig.Refused($"'a'.matches('{new string('a', 257)}')").Message, StringComparison.Ordinal);
    }

    /// <summary>One of these took twelve seconds and three gigabytes to find nothing in 20,000 characters.</summary>
    [Theory]
    [InlineData("(?:[a-z]{1,30}){1,300}x")]
    [InlineData("((a{1000}){1000}){1000}")]
    [InlineData("(a{16}){17}")]
    [InlineData("(ab|c){86,}")]
    [InlineData("(((((((a{99999}){99999}){99999}){99999}){99999}){99999}){99999})")]
    public void Counted_repetitions_count_as_often_as_they_repeat(string pattern)
    {
        Assert.Contains("its counted repetitions written out", CelRig.Refused($"'a'.matches('{pattern}')").Message, StringComparison.Ordinal);
        Assert.NotNull(CelRig.Compile("'a'.matches('^(a{15}){16}[a-z]{14}$')"));
    }

    [Fact]
    public void A_value_of_many_levels_is_compared_and_printed_without_running_out_of_stack()
    {
        const int Nesting = 40;
        var step = $".map(y, {new string('[', Nesting)}y{new string(']', Nesting)})";
        var body = "[x]" + string.Concat(Enumerable.Repeat(step, 9));
        var deep = "[1]" + string.Concat(Enumerable.Repeat($".map(x, {body})", 4));

        Assert.True(Run($"{deep}.all(d, d == d)").IsTrue);
        Assert.StartsWith("[[[[", Run(deep).ToLiteral(), StringComparison.Ordinal);
    }

    private static CelValue Run(string source)
    {
        var budget = CelBudget.ForDecision();
        return Run(source, ref budget);
    }

    private static CelValue Run(string source, ref CelBudget budget)
    {
        var program = new CelEnvironment(Big).Compile(source, null, out var issue);
        Assert.True(program is not null, issue?.ToString());
        var big = CelValue.List([.. Enumerable.Range(0, 1_000).Select(each => CelValue.Of(each))]);
        return program.Evaluate([big, CelValue.Of(new string('a', 20_000)), CelValue.Of(3), CelValue.Of(DateTimeOffset.UnixEpoch)], ref budget);
    }
}
