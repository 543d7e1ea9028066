using System.Text.RegularExpressions;

namespace ProtoMesh.Server.Cel.Evaluation;

/// <summary>
/// A regular expression that takes time linear in the text, whatever it says. What it costs to build grows with the square of its
/// size, counted repetitions written out, so it stands in the expression and is built when that is loaded.
/// </summary>
internal sealed record CelPattern(string Text, Regex Regex) : CelPrepared(Text)
{
    public const int MaxLength = 256;

    public static (CelPrepared? Prepared, string? Problem) Prepare(string text)
    {
        var (pattern, size, problem) = CelPatternReader.Read(text);
        if (text.Length > MaxLength || size > MaxLength)
        {
            return (null, $"a regular expression has at most {MaxLength} characters, its counted repetitions written out");
        }

        try
        {
            return problem is null
                ? (new CelPattern(text, new Regex(pattern, RegexOptions.NonBacktracking | RegexOptions.CultureInvariant)), null)
                : (null, problem);
        }
        catch (RegexParseException exception)
        {
            return (null, $"{CelLiteral.Write(text)} is no regular expression: {exception.Error}");
        }
        catch (NotSupportedException)
        {
            return (null, $"{CelLiteral.Write(text)} needs backtracking, which is no part of the language");
        }
    }

    public bool IsMatch(string text) => Regex.IsMatch(text);
}
