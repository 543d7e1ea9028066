using System.Diagnostics.CodeAnalysis;

namespace ProtoMesh.Server.Cel;

/// <summary>
/// A value of the language, 24 bytes and never boxed. <see cref="Equals(CelValue)"/> is the language's <c>==</c>: numbers of different
/// types are equal when they are the same number, and not-a-number equals nothing. <c>default</c> reads as null, and stands for an
/// absent field inside a <see cref="CelRecord"/>.
/// </summary>
internal readonly struct CelValue : IEquatable<CelValue>
{
    private readonly object? _reference;
    private readonly long _bits;
    private readonly int _nanos;
    private readonly CelKind _kind;

    private CelValue(CelKind kind, long bits, object? reference = null, int nanos = 0) =>
        (_kind, _bits, _reference, _nanos) = (kind, bits, reference, nanos);

    public static CelValue Null => new(CelKind.Null, 1);

    public static CelValue True => new(CelKind.Bool, 1);

    public static CelValue False => new(CelKind.Bool, 0);

    public CelKind Kind => _kind;

    public bool IsError => _kind == CelKind.Error;

    /// <summary>Not even null: an optional field without a value.</summary>
    public bool IsAbsent => _kind == CelKind.Null && _bits == 0;

    public bool IsTrue => _kind == CelKind.Bool && _bits != 0;

    public bool AsBool => IsTrue;

    public long AsInt => _kind == CelKind.Int ? _bits : 0;

    public ulong AsUint => _kind == CelKind.Uint ? (ulong)_bits : 0;

    public double AsDouble => _kind == CelKind.Double ? BitConverter.Int64BitsToDouble(_bits) : 0;

    public string AsString => _kind == CelKind.String ? (string)_reference! : "";

    public byte[] AsBytes => _kind == CelKind.Bytes ? (byte[])_reference! : [];

    public IReadOnlyList<CelValue> AsList => Items;

    public CelMap AsMap => _reference as CelMap ?? CelMap.Empty;

    public CelRecord? AsRecord => _reference as CelRecord;

    /// <summary>Rounded down to the clock's 100 ns.</summary>
    public DateTimeOffset AsTimestamp => new(DateTime.UnixEpoch.AddTicks((Seconds * TimeSpan.TicksPerSecond) + (Nanos / 100)));

    public TimeSpan AsDuration => TimeSpan.FromTicks(TotalNanos / 100);

    public CelFault? Fault => _reference as CelFault;

    /// <summary>An int, uint or double as a double, whatever it loses; 0 for anything else.</summary>
    public double AsNumber => _kind switch
    {
        CelKind.Int => _bits,
        CelKind.Uint => (ulong)_bits,
        CelKind.Double => AsDouble,
        _ => 0,
    };

    /// <summary>A list's elements; its owner never writes to them.</summary>
    internal CelValue[] Items => _reference as CelValue[] ?? [];

    /// <summary>A timestamp's whole seconds since 1970; its <see cref="Nanos"/> count up from there.</summary>
    internal long Seconds => _kind == CelKind.Timestamp ? _bits : 0;

    internal int Nanos => _nanos;

    /// <summary>A duration in nanoseconds: about ±292 years, as the specification has it.</summary>
    internal long TotalNanos => _kind == CelKind.Duration ? _bits : 0;

    /// <summary>A type's name, as <c>type()</c> answers it.</summary>
    internal string TypeName => _kind == CelKind.Type ? (string)_reference! : "";

    public static CelValue Of(bool value) => value ? True : False;

    public static CelValue Of(long value) => new(CelKind.Int, value);

    public static CelValue OfUint(ulong value) => new(CelKind.Uint, (long)value);

    public static CelValue Of(double value) => new(CelKind.Double, BitConverter.DoubleToInt64Bits(value));

    public static CelValue Of(string value) => new(CelKind.String, 0, value);

    /// <summary>The bytes are kept, not copied.</summary>
    public static CelValue Of(byte[] value) => new(CelKind.Bytes, 0, value);

    public static CelValue Of(DateTimeOffset value)
    {
        var (seconds, ticks) = Math.DivRem(value.UtcTicks - DateTime.UnixEpoch.Ticks, TimeSpan.TicksPerSecond);
        return ticks < 0 ? Timestamp(seconds - 1, (int)(ticks + TimeSpan.TicksPerSecond) * 100) : Timestamp(seconds, (int)ticks * 100);
    }

    /// <summary>An error when it is beyond the ±292 years of the language's durations.</summary>
    public static CelValue Of(TimeSpan value) => Math.Abs(value.TotalDays) < 106_751
        ? Duration(value.Ticks * 100)
        : Error(new CelFault("the duration is out of range", new CelPosition(1, 1)));

    /// <summary>An array is kept, not copied.</summary>
    public static CelValue List(IReadOnlyList<CelValue> elements) => new(CelKind.List, 0, elements as CelValue[] ?? [.. elements]);

    public static CelValue Map(CelMap map) => new(CelKind.Map, 0, map);

    public static CelValue Record(CelRecord record) => new(CelKind.Record, 0, record);

    public static CelValue Error(CelFault fault) => new(CelKind.Error, 0, fault);

    internal static CelValue Timestamp(long seconds, int nanos) => new(CelKind.Timestamp, seconds, null, nanos);

    internal static CelValue Duration(long nanos) => new(CelKind.Duration, nanos);

    internal static CelValue OfType(string name) => new(CelKind.Type, 0, name);

    public bool Equals(CelValue other) => CelEquality.AreEqual(this, other);

    public override bool Equals([NotNullWhen(true)] object? obj) => obj is CelValue other && Equals(other);

    public override int GetHashCode() => CelEquality.Hash(this);

    /// <summary>The value as an expression would write it: <c>'text'</c>, <c>100</c>, <c>[1, 2]</c>, <c>{'a': 1}</c>, <c>duration('60s')</c>.</summary>
    public string ToLiteral() => CelLiteral.Write(this);

    public override string ToString() => ToLiteral();
}
