namespace ProtoMesh.Server.Cel.Syntax;

/// <summary>The calls that are no calls: their arguments are looked at before they have values.</summary>
internal static class CelMacros
{
    public static HasSyntax Has(CelPosition position, CelSyntax[] arguments) => arguments is [SelectSyntax select]
        ? new HasSyntax(position, select)
        : throw new CelIssueException(position, "has() takes one field, as in has(metadata.note)");

    /// <summary>Null when it is an ordinary function.</summary>
    public static CelSyntax? Expand(CelPosition position, CelSyntax range, string name, CelSyntax[] arguments)
    {
        CelMacro? macro = name switch
        {
            "all" => CelMacro.All,
            "exists" => CelMacro.Exists,
            "exists_one" => CelMacro.ExistsOne,
            "map" => CelMacro.Map,
            "filter" => CelMacro.Filter,
            _ => null,
        };
        if (macro is not { } known)
        {
            return null;
        }

        if (arguments.Length != 2 && !(known == CelMacro.Map && arguments.Length == 3))
        {
            throw new CelIssueException(position, $"{name}() takes a variable and an expression, as in list.{name}(x, x > 0)");
        }

        return arguments[0] is NameSyntax { IsRoot: false } variable
            ? new ComprehensionSyntax(position, known, range, variable.Name, arguments.Length == 3 ? arguments[1] : null, arguments[^1])
            : throw new CelIssueException(arguments[0].Position, $"the first argument of {name}() is the name of a variable");
    }
}
