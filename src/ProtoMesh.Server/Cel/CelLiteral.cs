using System.Globalization;
using System.Text;
using ProtoMesh.Server.Cel.Evaluation;

namespace ProtoMesh.Server.Cel;

/// <summary>Writes values as expressions do.</summary>
internal static class CelLiteral
{
    /// <summary>A value can be larger than anybody wants to read; beyond this it ends in an ellipsis.</summary>
    private const int MaxLength = 1_024;

    public static string Write(in CelValue value)
    {
        var text = new StringBuilder();
        Write(text, value);
        return text.Length <= MaxLength ? text.ToString() : text.ToString(0, MaxLength) + "…";
    }

    public static string Write(string value)
    {
        var text = new StringBuilder(value.Length + 2);
        WriteQuoted(text, value);
        return text.ToString();
    }

    /// <summary>The shortest text that reads back as the same double.</summary>
    public static string Write(double value) => value.ToString("R", CultureInfo.InvariantCulture).Replace('E', 'e');

    private static void Write(StringBuilder text, in CelValue value)
    {
        if (text.Length > MaxLength)
        {
            return;
        }

        switch (value.Kind)
        {
            case CelKind.Null:
                text.Append("null");
                break;
            case CelKind.Uint:
                text.Append(CultureInfo.InvariantCulture, $"{value.AsUint}u");
                break;
            case CelKind.Double:
                WriteDouble(text, value.AsDouble);
                break;
            case CelKind.String:
                WriteQuoted(text, value.AsString);
                break;
            case CelKind.Bytes:
                WriteBytes(text, value.AsBytes);
                break;
            case CelKind.List:
                WriteAll(text, '[', value.Items, static (text, element) => Write(text, element), ']');
                break;
            case CelKind.Map:
                WriteAll(text, '{', value.AsMap, static (text, entry) =>
                {
                    Write(text, entry.Key);
                    text.Append(": ");
                    Write(text, entry.Value);
                }, '}');
                break;
            case CelKind.Record:
                var record = value.AsRecord!;
                WriteAll(text, '{', Enumerable.Range(0, record.Type.Fields.Count).Where(i => !record[i].IsAbsent), (text, i) =>
                {
                    text.Append(record.Type.Fields[i].Name).Append(": ");
                    Write(text, record[i]);
                }, '}');
                break;
            case CelKind.Timestamp:
                text.Append("timestamp('").Append(CelTime.Write(value)).Append("')");
                break;
            case CelKind.Duration:
                text.Append("duration('").Append(CelTime.Write(value)).Append("')");
                break;
            case CelKind.Type:
                text.Append(value.TypeName);
                break;
            case CelKind.Error:
                text.Append("error: ").Append(value.Fault!.Message);
                break;
            default:
                text.Append(value.Kind == CelKind.Bool ? value.AsBool ? "true" : "false" : value.AsInt.ToString(CultureInfo.InvariantCulture));
                break;
        }
    }

    private static void WriteAll<T>(StringBuilder text, char open, IEnumerable<T> elements, Action<StringBuilder, T> write, char close)
    {
        text.Append(open);
        var start = text.Length;
        foreach (var element in elements)
        {
            if (text.Length > MaxLength)
            {
                break;
            }

            text.Append(text.Length == start ? "" : ", ");
            write(text, element);
        }

        text.Append(close);
    }

    /// <summary>A whole number that a person would write without a point stays so: 100, not 100.0; the language compares them alike.</summary>
    private static void WriteDouble(StringBuilder text, double value) => text.Append(value switch
    {
        double.NaN => "double('NaN')",
        double.PositiveInfinity => "double('Infinity')",
        double.NegativeInfinity => "double('-Infinity')",
        _ => Write(value),
    });

    private static void WriteQuoted(StringBuilder text, string value)
    {
        text.Append('\'');
        foreach (var each in value.AsSpan(0, Math.Min(value.Length, MaxLength)))
        {
            _ = each switch
            {
                '\\' => text.Append(@"\\"),
                '\'' => text.Append(@"\'"),
                '\n' => text.Append(@"\n"),
                '\r' => text.Append(@"\r"),
                '\t' => text.Append(@"\t"),
                < ' ' or '\x7f' => text.Append(CultureInfo.InvariantCulture, $"\\u{(int)each:x4}"),
                _ => text.Append(each),
            };
        }

        text.Append('\'');
    }

    private static void WriteBytes(StringBuilder text, byte[] value)
    {
        text.Append("b'");
        foreach (var each in value.AsSpan(0, Math.Min(value.Length, MaxLength)))
        {
            _ = each is >= 0x20 and < 0x7f and not (byte)'\'' and not (byte)'\\'
                ? text.Append((char)each)
                : text.Append(CultureInfo.InvariantCulture, $"\\x{each:x2}");
        }

        text.Append('\'');
    }
}
