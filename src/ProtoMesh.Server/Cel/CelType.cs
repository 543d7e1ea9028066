namespace ProtoMesh.Server.Cel;

/// <summary>What is known of a value before it exists. <see cref="Dyn"/>: nothing.</summary>
internal abstract record CelType
{
    public static CelType Dyn { get; } = new CelDynType();

    public static CelType Null { get; } = new CelSimpleType(CelKind.Null);

    public static CelType Bool { get; } = new CelSimpleType(CelKind.Bool);

    public static CelType Int { get; } = new CelSimpleType(CelKind.Int);

    public static CelType Uint { get; } = new CelSimpleType(CelKind.Uint);

    public static CelType Double { get; } = new CelSimpleType(CelKind.Double);

    public static CelType String { get; } = new CelSimpleType(CelKind.String);

    public static CelType Bytes { get; } = new CelSimpleType(CelKind.Bytes);

    public static CelType Timestamp { get; } = new CelSimpleType(CelKind.Timestamp);

    public static CelType Duration { get; } = new CelSimpleType(CelKind.Duration);

    public static CelType Type { get; } = new CelSimpleType(CelKind.Type);

    /// <summary>A list of anything.</summary>
    public static CelType List { get; } = ListOf(Dyn);

    /// <summary>A map of anything.</summary>
    public static CelType Map { get; } = MapOf(Dyn, Dyn);

    /// <summary>The kind its values have, or null where only the value can tell.</summary>
    public abstract CelKind? Kind { get; }

    public bool IsDyn => Kind is null;

    public bool IsNumber => Kind?.IsNumber() ?? false;

    public static CelType ListOf(CelType element) => new CelListType(element);

    public static CelType MapOf(CelType key, CelType value) => new CelMapType(key, value);

    /// <summary>Whether a value of this type may stand where <paramref name="target"/> is asked for; <c>dyn</c> fits until a value says otherwise.</summary>
    public bool Fits(CelType target) => (this, target) switch
    {
        _ when IsDyn || target.IsDyn => true,
        (CelListType from, CelListType to) => from.Element.Fits(to.Element),
        (CelMapType from, CelMapType to) => from.Key.Fits(to.Key) && from.Value.Fits(to.Value),
        _ => Equals(target),
    };

    /// <summary>Whether values of the two may be equal at all; numbers of different types may.</summary>
    public bool MayEqual(CelType other) => (this, other) switch
    {
        _ when IsDyn || other.IsDyn => true,
        _ when IsNumber && other.IsNumber => true,
        (CelListType left, CelListType right) => left.Element.MayEqual(right.Element),
        (CelMapType left, CelMapType right) => left.Key.MayEqual(right.Key) && left.Value.MayEqual(right.Value),
        _ => Equals(other),
    };

    public string WithArticle() => CelKinds.WithArticle(ToString()!);

    /// <summary>The type of "one of the two": the same, or a list or map of what they share, or <c>dyn</c>.</summary>
    public static CelType Join(CelType left, CelType right) => (left, right) switch
    {
        _ when left.Equals(right) => left,
        (CelListType a, CelListType b) => ListOf(Join(a.Element, b.Element)),
        (CelMapType a, CelMapType b) => MapOf(Join(a.Key, b.Key), Join(a.Value, b.Value)),
        _ => Dyn,
    };
}

internal sealed record CelDynType : CelType
{
    public override CelKind? Kind => null;

    public override string ToString() => "dyn";
}

internal sealed record CelSimpleType(CelKind Value) : CelType
{
    public override CelKind? Kind => Value;

    public override string ToString() => Value.DisplayName();
}

internal sealed record CelListType(CelType Element) : CelType
{
    public override CelKind? Kind => CelKind.List;

    public override string ToString() => $"list({Element})";
}

internal sealed record CelMapType(CelType Key, CelType Value) : CelType
{
    public override CelKind? Kind => CelKind.Map;

    public override string ToString() => $"map({Key}, {Value})";
}
