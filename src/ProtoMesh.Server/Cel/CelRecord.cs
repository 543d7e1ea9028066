using System.Collections.Frozen;

namespace ProtoMesh.Server.Cel;

/// <param name="IsOptional">Its value may be absent; an expression asks with <c>has()</c> before it selects it.</param>
internal sealed record CelField(string Name, CelType Type, bool IsOptional);

/// <summary>A named, closed set of fields: to select any other field is refused when the expression is loaded.</summary>
internal sealed record CelRecordType(string Name, IReadOnlyList<CelField> Fields) : CelType
{
    private readonly FrozenDictionary<string, int> _indexes =
        Fields.Select((field, index) => KeyValuePair.Create(field.Name, index)).ToFrozenDictionary(StringComparer.Ordinal);

    public override CelKind? Kind => CelKind.Record;

    /// <summary>The field's place in a <see cref="CelRecord"/>, or -1.</summary>
    public int IndexOf(string field) => _indexes.TryGetValue(field, out var index) ? index : -1;

    /// <summary>Two types with the same fields are still two types.</summary>
    public bool Equals(CelRecordType? other) => ReferenceEquals(this, other);

    public override int GetHashCode() => StringComparer.Ordinal.GetHashCode(Name);

    public override string ToString() => Name;
}

/// <summary>Values for the fields of a type, in their order; <c>default</c> stands for an optional field that is absent.</summary>
internal sealed class CelRecord(CelRecordType type, CelValue[] fields)
{
    public CelRecordType Type => type;

    /// <summary>The field's value, or <c>default</c> when it is absent.</summary>
    public CelValue this[int index] => (uint)index < (uint)fields.Length ? fields[index] : default;

    public CelValue this[string field] => this[type.IndexOf(field)];
}
