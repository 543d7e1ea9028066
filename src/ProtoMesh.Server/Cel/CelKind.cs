namespace ProtoMesh.Server.Cel;

/// <summary>The runtime types of the language, and two of ours: a record, whose fields are known when it is checked, and an error.</summary>
internal enum CelKind : byte
{
    Null,
    Bool,
    Int,
    Uint,
    Double,
    String,
    Bytes,
    List,
    Map,
    Timestamp,
    Duration,
    Type,
    Record,
    Error,
}

internal static class CelKinds
{
    /// <summary>As <c>type(x)</c> answers and as an expression writes it.</summary>
    public static string TypeName(this CelKind kind) => kind switch
    {
        CelKind.Null => "null_type",
        CelKind.Timestamp => "google.protobuf.Timestamp",
        CelKind.Duration => "google.protobuf.Duration",
        _ => kind.DisplayName(),
    };

    /// <summary>As a sentence names it.</summary>
    public static string DisplayName(this CelKind kind) => kind switch
    {
        CelKind.Null => "null",
        CelKind.Bool => "bool",
        CelKind.Int => "int",
        CelKind.Uint => "uint",
        CelKind.Double => "double",
        CelKind.String => "string",
        CelKind.Bytes => "bytes",
        CelKind.List => "list",
        CelKind.Map => "map",
        CelKind.Timestamp => "timestamp",
        CelKind.Duration => "duration",
        CelKind.Type => "type",
        CelKind.Record => "record",
        _ => "error",
    };

    /// <summary>With its article: an int, a string.</summary>
    public static string WithArticle(string name) => name.Length > 0 && "aeio".Contains(name[0], StringComparison.Ordinal) ? $"an {name}" : $"a {name}";

    public static string WithArticle(this CelKind kind) => WithArticle(kind.DisplayName());

    public static bool IsNumber(this CelKind kind) => kind is CelKind.Int or CelKind.Uint or CelKind.Double;
}
