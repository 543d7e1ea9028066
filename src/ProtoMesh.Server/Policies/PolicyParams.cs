using System.Globalization;
using ProtoMesh.Server.Cel;
using ProtoMesh.Server.Policies.Documents;

namespace ProtoMesh.Server.Policies;

/// <summary>The constants of a document, and their types: <c>params.limit</c> with a mistyped name is a load error.</summary>
internal static class PolicyParams
{
    public static (CelValue Value, CelRecordType Type) Read(IReadOnlyList<YamlEntry> entries, List<PolicyIssue> issues)
    {
        var fields = new List<CelField>();
        var values = new List<CelValue>();
        foreach (var entry in entries)
        {
            var (value, type) = Of(entry.Value, issues);
            fields.Add(new CelField(entry.Key.Text, type, false));
            values.Add(value);
        }

        var record = new CelRecordType("params", fields);
        return (CelValue.Record(new CelRecord(record, [.. values])), record);
    }

    /// <summary>A YAML value as CEL has it: a plain text that reads as null, true, false or a number is one.</summary>
    public static (CelValue Value, CelType Type) Of(YamlNode node, List<PolicyIssue> issues)
    {
        switch (node)
        {
            case YamlMap map:
                var pairs = map.Entries.Select(entry => (Key: CelValue.Of(entry.Key.Text), Value: Of(entry.Value, issues))).ToList();
                return (CelValue.Map(CelMap.Of(pairs.Select(pair => (pair.Key, pair.Value.Value)))), CelType.MapOf(CelType.String, Common(pairs.Select(pair => pair.Value.Type))));
            case YamlList list:
                var items = list.Items.Select(item => Of(item, issues)).ToList();
                return (CelValue.List([.. items.Select(item => item.Value)]), CelType.ListOf(Common(items.Select(item => item.Type))));
            default:
                return Scalar((YamlText)node, issues);
        }
    }

    private static (CelValue Value, CelType Type) Scalar(YamlText text, List<PolicyIssue> issues)
    {
        if (text.Form != YamlForm.Plain)
        {
            return (CelValue.Of(text.Text), CelType.String);
        }

        if (text.IsNull)
        {
            return (CelValue.Null, CelType.Null);
        }

        if (text.Text is "true" or "false")
        {
            return (CelValue.Of(text.Text == "true"), CelType.Bool);
        }

        if (long.TryParse(text.Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var integer))
        {
            return (CelValue.Of(integer), CelType.Int);
        }

        // Words such as NaN and Infinity are texts here, or refused where they are written as YAML's numbers.
        if (text.Text.TrimStart('+', '-') is ".inf" or ".Inf" or ".INF" or ".nan" or ".NaN" or ".NAN")
        {
            issues.Add(new PolicyIssue(text.Line, text.Column, $"{text.Text} is not a number that a policy can have"));
            return (CelValue.Null, CelType.Null);
        }

        return char.IsAsciiDigit(text.Text.TrimStart('+', '-', '.').FirstOrDefault())
            && double.TryParse(text.Text, NumberStyles.Float, CultureInfo.InvariantCulture, out var real) && double.IsFinite(real)
            ? (CelValue.Of(real), CelType.Double)
            : (CelValue.Of(text.Text), CelType.String);
    }

    private static CelType Common(IEnumerable<CelType> types)
    {
        var distinct = types.Distinct().ToList();
        return distinct is [var only] ? only : CelType.Dyn;
    }
}
