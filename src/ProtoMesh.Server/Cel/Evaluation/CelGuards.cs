namespace ProtoMesh.Server.Cel.Evaluation;

/// <summary>
/// Finds optional fields that are selected where nothing on the way has made sure of them: a <c>has()</c> beside it in the same
/// <c>&amp;&amp;</c>, its negation beside it in the same <c>||</c>, or one in the condition of a <c>?:</c>.
/// </summary>
internal static class CelGuards
{
    private static readonly HashSet<string> None = [];

    public static List<CelUnguarded> Unguarded(CelExpression root)
    {
        var found = new List<CelUnguarded>();
        Visit(root, None, found);
        return found;
    }

    private static void Visit(CelExpression expression, HashSet<string> guarded, List<CelUnguarded> found)
    {
        switch (expression)
        {
            case LogicExpression logic:
                // Which side it stands on does not matter: an operand that decides outweighs the error of the other.
                HashSet<string> known = [.. guarded, .. logic.Operands.SelectMany(each => Known(each, logic.IsAnd))];
                foreach (var operand in logic.Operands)
                {
                    Visit(operand, known, found);
                }

                return;
            case ConditionalExpression conditional:
                Visit(conditional.Condition, guarded, found);
                Visit(conditional.Then, [.. guarded, .. Known(conditional.Condition, when: true)], found);
                Visit(conditional.Else, [.. guarded, .. Known(conditional.Condition, when: false)], found);
                return;
            case FieldExpression { IsOptional: true } field when !guarded.Contains(field.Syntax.ToString()):
                found.Add(new CelUnguarded(field.Syntax.ToString(), field.Position.Line, field.Position.Column));
                break;
        }

        foreach (var part in expression.Parts)
        {
            Visit(part, guarded, found);
        }
    }

    /// <summary>The fields that are there when the condition is true, or when it is false.</summary>
    private static HashSet<string> Known(CelExpression condition, bool when) => condition switch
    {
        HasExpression has => when ? [has.Select.Syntax.ToString()] : None,
        NotExpression not => Known(not.Operand, !when),
        LogicExpression logic when logic.IsAnd == when => [.. logic.Operands.SelectMany(each => Known(each, when))],
        LogicExpression logic => logic.Operands.Select(each => Known(each, when)).Aggregate(static (all, each) => [.. all.Intersect(each)]),
        _ => None,
    };
}
