namespace ProtoMesh.Server.Cel.Evaluation;

/// <summary>Finds what an expression reads: the longest chains of fields that start at a variable.</summary>
internal static class CelPaths
{
    public static List<string> Of(CelExpression root)
    {
        var paths = new List<string>();
        Collect(root, paths);
        return paths;
    }

    /// <summary>Whether it is a variable, or fields below one.</summary>
    public static bool IsPath(CelExpression expression) => expression switch
    {
        VariableExpression => true,
        FieldExpression field => IsPath(field.Operand),
        SelectExpression select => IsPath(select.Operand),
        _ => false,
    };

    private static void Collect(CelExpression expression, List<string> paths)
    {
        var read = expression is HasExpression has ? has.Select : expression;
        if (IsPath(read))
        {
            var path = read.Syntax.ToString();
            if (!paths.Contains(path, StringComparer.Ordinal))
            {
                paths.Add(path);
            }

            return;
        }

        foreach (var part in expression.Parts)
        {
            Collect(part, paths);
        }
    }
}
