using System.Globalization;
using System.Text;

namespace ProtoMesh.Server.Cel.Evaluation;

/// <summary>A value as another type, or an error when it has no such value there.</summary>
internal static class CelConversions
{
    /// <summary>2^63; a double from here on is no int.</summary>
    private const double IntEnd = 9223372036854775808.0;

    private const double UintEnd = 18446744073709551616.0;

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    public static readonly CelFunction[] Functions =
    [
        new("int", false, To(CelType.Int, CelType.Int, CelType.Uint, CelType.Double, CelType.String, CelType.Timestamp), ToInt),
        new("uint", false, To(CelType.Uint, CelType.Int, CelType.Uint, CelType.Double, CelType.String), ToUint),
        new("double", false, To(CelType.Double, CelType.Int, CelType.Uint, CelType.Double, CelType.String), ToDouble),
        new("bool", false, To(CelType.Bool, CelType.Bool, CelType.String), ToBool),
        new("bytes", false, To(CelType.Bytes, CelType.Bytes, CelType.String), ToBytes),
        new("string", false, To(CelType.String, CelType.String, CelType.Bool, CelType.Int, CelType.Uint, CelType.Double, CelType.Bytes, CelType.Timestamp, CelType.Duration), ToText),
        new("timestamp", false, To(CelType.Timestamp, CelType.Timestamp, CelType.String, CelType.Int), ToTimestamp),
        new("duration", false, To(CelType.Duration, CelType.Duration, CelType.String), ToDuration),
        new("type", false, To(CelType.Type, CelType.Dyn), TypeOf),
    ];

    private static CelOverload[] To(CelType result, params CelType[] parameters) => [.. parameters.Select(each => new CelOverload(result, each))];

    private static CelValue ToInt(in CelArguments arguments, CelPrepared? prepared, ref CelFrame frame)
    {
        var value = arguments.First;
        return value.Kind switch
        {
            CelKind.Int => value,
            CelKind.Uint => value.AsUint <= long.MaxValue ? CelValue.Of((long)value.AsUint) : OutOfRange("int", value, ref frame),
            CelKind.Double => value.AsDouble is > -IntEnd and < IntEnd ? CelValue.Of((long)value.AsDouble) : OutOfRange("int", value, ref frame),
            CelKind.String => long.TryParse(value.AsString, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number)
                ? CelValue.Of(number) : OutOfRange("int", value, ref frame),
            CelKind.Timestamp => CelValue.Of(value.Seconds),
            _ => default,
        };
    }

    private static CelValue ToUint(in CelArguments arguments, CelPrepared? prepared, ref CelFrame frame)
    {
        var value = arguments.First;
        return value.Kind switch
        {
            CelKind.Uint => value,
            CelKind.Int => value.AsInt >= 0 ? CelValue.OfUint((ulong)value.AsInt) : OutOfRange("uint", value, ref frame),
            CelKind.Double => value.AsDouble is > -1 and < UintEnd ? CelValue.OfUint((ulong)value.AsDouble) : OutOfRange("uint", value, ref frame),
            CelKind.String => ulong.TryParse(value.AsString, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
                ? CelValue.OfUint(number) : OutOfRange("uint", value, ref frame),
            _ => default,
        };
    }

    private static CelValue ToDouble(in CelArguments arguments, CelPrepared? prepared, ref CelFrame frame)
    {
        var value = arguments.First;
        return value.Kind switch
        {
            CelKind.Double => value,
            CelKind.Int or CelKind.Uint => CelValue.Of(value.AsNumber),
            CelKind.String => double.TryParse(value.AsString, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent, CultureInfo.InvariantCulture, out var number)
                ? CelValue.Of(number) : OutOfRange("double", value, ref frame),
            _ => default,
        };
    }

    private static CelValue ToBool(in CelArguments arguments, CelPrepared? prepared, ref CelFrame frame)
    {
        var value = arguments.First;
        return value.Kind switch
        {
            CelKind.Bool => value,
            CelKind.String => value.AsString switch
            {
                "1" or "t" or "T" or "true" or "TRUE" or "True" => CelValue.True,
                "0" or "f" or "F" or "false" or "FALSE" or "False" => CelValue.False,
                _ => OutOfRange("bool", value, ref frame),
            },
            _ => default,
        };
    }

    private static CelValue ToBytes(in CelArguments arguments, CelPrepared? prepared, ref CelFrame frame)
    {
        var value = arguments.First;
        return value.Kind switch
        {
            CelKind.Bytes => value,
            CelKind.String => frame.Meter.ChargeText(value.AsString.Length) ? CelValue.Of(Encoding.UTF8.GetBytes(value.AsString)) : frame.Exceeded(),
            _ => default,
        };
    }

    private static CelValue ToText(in CelArguments arguments, CelPrepared? prepared, ref CelFrame frame)
    {
        var value = arguments.First;
        return value.Kind switch
        {
            CelKind.String => value,
            CelKind.Bool => CelValue.Of(value.AsBool ? "true" : "false"),
            CelKind.Int => CelValue.Of(value.AsInt.ToString(CultureInfo.InvariantCulture)),
            CelKind.Uint => CelValue.Of(value.AsUint.ToString(CultureInfo.InvariantCulture)),
            CelKind.Double => CelValue.Of(CelLiteral.Write(value.AsDouble)),
            CelKind.Bytes => frame.Meter.ChargeText(value.AsBytes.Length) ? Decode(value, ref frame) : frame.Exceeded(),
            CelKind.Timestamp or CelKind.Duration => CelValue.Of(CelTime.Write(value)),
            _ => default,
        };
    }

    private static CelValue Decode(in CelValue value, ref CelFrame frame)
    {
        try
        {
            return CelValue.Of(StrictUtf8.GetString(value.AsBytes));
        }
        catch (DecoderFallbackException)
        {
            return frame.Fail("the bytes are no UTF-8 text");
        }
    }

    private static CelValue ToTimestamp(in CelArguments arguments, CelPrepared? prepared, ref CelFrame frame)
    {
        var value = arguments.First;
        return value.Kind switch
        {
            CelKind.Timestamp => value,
            CelKind.String => CelTime.TryParseTimestamp(value.AsString, out var time) ? time : OutOfRange("timestamp", value, ref frame),
            CelKind.Int => CelTime.TryTimestamp(value.AsInt, 0, out var time) ? time : OutOfRange("timestamp", value, ref frame),
            _ => default,
        };
    }

    private static CelValue ToDuration(in CelArguments arguments, CelPrepared? prepared, ref CelFrame frame)
    {
        var value = arguments.First;
        return value.Kind switch
        {
            CelKind.Duration => value,
            CelKind.String => CelTime.TryParseDuration(value.AsString, out var time) ? time : OutOfRange("duration", value, ref frame),
            _ => default,
        };
    }

    private static CelValue TypeOf(in CelArguments arguments, CelPrepared? prepared, ref CelFrame frame) =>
        CelValue.OfType(arguments.First.AsRecord is { } record ? record.Type.Name : arguments.First.Kind.TypeName());

    private static CelValue OutOfRange(string type, in CelValue value, ref CelFrame frame) => frame.Fail($"{value.ToLiteral()} is no {type}, or out of its range");
}
