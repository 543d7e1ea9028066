using System.Text.RegularExpressions;
using ProtoMesh.Server.Policies;

namespace ProtoMesh.Tests.Policies;

public sealed class ActionGlobTests
{
    [Theory]
    [InlineData("*", "", true)]
    [InlineData("*", "a.b", true)]
    [InlineData("purchase.*", "purchase.", true)]
    [InlineData("purchase.*", "purchase.book", true)]
    [InlineData("purchase.*", "purchase", false)]
    [InlineData("*.read", "a.b.read", true)]
    [InlineData("a*b*c", "a-b-b-c", true)]
    [InlineData("a*b*c", "a-c-b", false)]
    [InlineData("spend", "Spend", false)]
    public void A_star_is_any_run_of_characters(string pattern, string text, bool matches) => Assert.Equal(matches, ActionGlob.Matches(pattern, text));

    [Fact]
    public void It_agrees_with_a_regular_expression_on_random_patterns()
    {
        var random = new Random(7);
        for (var round = 0; round < 20_000; round++)
        {
            var pattern = string.Concat(Enumerable.Range(0, random.Next(8)).Select(_ => "ab*"[random.Next(3)]));
            var text = string.Concat(Enumerable.Range(0, random.Next(10)).Select(_ => "ab"[random.Next(2)]));
            var expected = Regex.IsMatch(text, $"^{pattern.Replace("*", ".*", StringComparison.Ordinal)}$", RegexOptions.NonBacktracking);
            Assert.True(expected == ActionGlob.Matches(pattern, text), $"seed 7, round {round}: {pattern} on {text}");
        }
    }

    [Fact]
    public void A_wide_pattern_that_covers_a_narrow_one_matches_whatever_that_matches()
    {
        var random = new Random(11);
        for (var round = 0; round < 20_000; round++)
        {
            string Random(string letters, int most) => string.Concat(Enumerable.Range(0, random.Next(most)).Select(_ => letters[random.Next(letters.Length)]));
            var (wide, narrow, text) = (Random("ab*", 5), Random("ab*", 6), Random("ab", 8));
            Assert.False(ActionGlob.Covers(wide, narrow) && ActionGlob.Matches(narrow, text) && !ActionGlob.Matches(wide, text), $"seed 11, round {round}: {wide} {narrow} {text}");
        }
    }
}
