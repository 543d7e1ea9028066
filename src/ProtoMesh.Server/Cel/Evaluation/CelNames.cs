using System.Collections.Frozen;
using ProtoMesh.Server.Cel.Syntax;

namespace ProtoMesh.Server.Cel.Evaluation;

/// <summary>The variables of an environment, and the names of the types.</summary>
internal sealed class CelNames(IReadOnlyList<CelVariable> variables)
{
    private static readonly FrozenSet<string> Types =
        Enum.GetValues<CelKind>().Except([CelKind.Record, CelKind.Error]).Select(CelKinds.TypeName).ToFrozenSet(StringComparer.Ordinal);

    private readonly FrozenDictionary<string, int> _slots =
        variables.Select((variable, slot) => KeyValuePair.Create(variable.Name, slot)).ToFrozenDictionary(StringComparer.Ordinal);

    public int Count => variables.Count;

    public static CelType TypeOf(in CelValue constant) => constant.Kind switch
    {
        CelKind.Null => CelType.Null,
        CelKind.Bool => CelType.Bool,
        CelKind.Int => CelType.Int,
        CelKind.Uint => CelType.Uint,
        CelKind.Double => CelType.Double,
        CelKind.String => CelType.String,
        CelKind.Bytes => CelType.Bytes,
        _ => CelType.Dyn,
    };

    public CelExpression? Find(CelSyntax syntax, string name) =>
        _slots.TryGetValue(name, out var slot) ? new VariableExpression(syntax, variables[slot], slot)
        : Types.Contains(name) ? new ConstantExpression(syntax, CelType.Type, CelValue.OfType(name))
        : null;

    /// <summary>The sentence for a name that nobody declared; a field without its record is the usual slip.</summary>
    public string Unknown(string name) =>
        variables.FirstOrDefault(each => each.Type is CelRecordType record && record.IndexOf(name) >= 0) is { } owner
            ? $"unknown name '{name}'; did you mean {owner.Name}.{name}?"
            : variables.Count == 0 ? $"unknown name '{name}'"
            : $"unknown name '{name}'; known are {string.Join(", ", variables.Select(static each => each.Name))}";
}
