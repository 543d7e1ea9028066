using ProtoMesh.Server.Cel.Evaluation;
using ProtoMesh.Server.Cel.Syntax;

namespace ProtoMesh.Server.Cel;

/// <summary>
/// The names that expressions may use; variable i is slot i of an evaluation. The language is a profile of the Common Expression
/// Language without protocol buffers: numbers of different types may be compared, arithmetic is within one type.
/// </summary>
internal sealed class CelEnvironment(IReadOnlyList<CelVariable> variables)
{
    private readonly CelNames _names = new(variables);

    /// <summary>False leaves operands that do not fit to the evaluation, as the specification lets an unchecked expression do; names are checked in any case.</summary>
    public bool IsTyped { get; init; } = true;

    /// <summary>Reads and checks an expression; null with the first error when it is refused.</summary>
    /// <param name="expected">What it has to be; a value that only evaluation tells is held against it then.</param>
    public CelProgram? Compile(string source, CelType? expected, out CelIssue? issue)
    {
        try
        {
            issue = null;
            var root = new CelChecker(_names, IsTyped).Check(CelParser.Parse(source));
            return expected is null || root.Type.Fits(expected)
                ? new CelProgram(source, root, expected, _names.Count)
                : throw new CelIssueException(root.Position, $"{expected.WithArticle()} is expected here, and the expression is {root.Type.WithArticle()}");
        }
        catch (CelIssueException refused)
        {
            issue = refused.Issue;
            return null;
        }
    }
}
