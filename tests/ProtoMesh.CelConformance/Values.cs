using System.Globalization;
using ProtoMesh.Server.Cel;

namespace ProtoMesh.CelConformance;

/// <summary>The values and types of the test files as ours; null where there is none.</summary>
internal static class Values
{
    public static CelValue? Value(TextMessage? message)
    {
        if (message?.Names.FirstOrDefault() is not { } name)
        {
            return null;
        }

        switch (name)
        {
            case "null_value":
                return CelValue.Null;
            case "bool_value":
                return CelValue.Of(message.Word(name) == "true");
            case "int64_value":
                return CelValue.Of(long.Parse(message.Word(name), CultureInfo.InvariantCulture));
            case "uint64_value":
                return CelValue.OfUint(ulong.Parse(message.Word(name), CultureInfo.InvariantCulture));
            case "double_value":
                return CelValue.Of(Double(message.Word(name)));
            case "string_value":
                return CelValue.Of(message.Text(name));
            case "bytes_value":
                return CelValue.Of(message.Bytes(name));
            case "type_value":
                return CelValue.OfType(message.Text(name));
            case "list_value":
                var elements = message.Message(name)!.Messages("values").Select(Value).ToList();
                return elements.Contains(null) ? null : CelValue.List([.. elements.Select(element => element!.Value)]);
            case "map_value":
                return Map(message.Message(name)!);
            case "object_value":
                return Message(message.Message(name)!);
            default:
                return null;
        }
    }

    public static CelType? Type(TextMessage? message)
    {
        switch (message?.Names.FirstOrDefault())
        {
            case "primitive":
                return Primitive(message.Word("primitive"));
            case "list_type":
                return Type(message.Message("list_type")!.Message("elem_type")) is { } element ? CelType.ListOf(element) : null;
            case "map_type":
                var map = message.Message("map_type")!;
                return Type(map.Message("key_type")) is { } key && Type(map.Message("value_type")) is { } value ? CelType.MapOf(key, value) : null;
            case "message_type":
                return WellKnown(message.Text("message_type"));
            case "well_known":
                return WellKnown("google.protobuf." + message.Word("well_known"));
            case "dyn":
                return CelType.Dyn;
            case "null":
                return CelType.Null;
            default:
                return null;
        }
    }

    /// <summary>Stricter than the language's equality: 1 is not 1u, and not-a-number is what it is.</summary>
    public static bool AreSame(CelValue left, CelValue right) => left.Kind == right.Kind && left.Kind switch
    {
        CelKind.Double => left.AsDouble.Equals(right.AsDouble),
        CelKind.List => left.AsList.Count == right.AsList.Count && left.AsList.Zip(right.AsList).All(pair => AreSame(pair.First, pair.Second)),
        CelKind.Map => left.AsMap.Count == right.AsMap.Count && left.AsMap.All(entry =>
            right.AsMap.Any(other => AreSame(entry.Key, other.Key) && AreSame(entry.Value, other.Value))),
        _ => left.Equals(right),
    };

    private static double Double(string word) => word switch
    {
        "inf" or "infinity" => double.PositiveInfinity,
        "-inf" or "-infinity" => double.NegativeInfinity,
        "nan" => double.NaN,
        _ => double.Parse(word, CultureInfo.InvariantCulture),
    };

    private static CelValue? Map(TextMessage message)
    {
        var entries = message.Messages("entries").Select(entry => (Key: Value(entry.Message("key")), Value: Value(entry.Message("value")))).ToList();
        return entries.Exists(entry => entry.Key is null || entry.Value is null)
            ? null
            : CelValue.Map(CelMap.Of(entries.Select(entry => (entry.Key!.Value, entry.Value!.Value))));
    }

    private static CelValue? Message(TextMessage message)
    {
        var name = message.Names.First();
        var seconds = message.Message(name)?.Word("seconds") is { Length: > 0 } word ? long.Parse(word, CultureInfo.InvariantCulture) : 0;
        var nanos = message.Message(name)?.Word("nanos") is { Length: > 0 } rest ? int.Parse(rest, CultureInfo.InvariantCulture) : 0;
        return name switch
        {
            "type.googleapis.com/google.protobuf.Duration" => CelValue.Duration((seconds * 1_000_000_000) + nanos),
            "type.googleapis.com/google.protobuf.Timestamp" => CelValue.Timestamp(seconds, nanos),
            _ => null,
        };
    }

    private static CelType? Primitive(string name) => name switch
    {
        "BOOL" => CelType.Bool,
        "INT64" => CelType.Int,
        "UINT64" => CelType.Uint,
        "DOUBLE" => CelType.Double,
        "STRING" => CelType.String,
        "BYTES" => CelType.Bytes,
        _ => null,
    };

    private static CelType? WellKnown(string name) => name switch
    {
        "google.protobuf.Timestamp" or "google.protobuf.TIMESTAMP" => CelType.Timestamp,
        "google.protobuf.Duration" or "google.protobuf.DURATION" => CelType.Duration,
        _ => null,
    };
}
