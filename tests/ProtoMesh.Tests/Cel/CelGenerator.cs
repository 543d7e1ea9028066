namespace ProtoMesh.Tests.Cel;

/// <summary>Expressions that mostly mean something, and damaged ones that mostly do not.</summary>
internal sealed class CelGenerator(int seed)
{
    private static readonly string[] Leaves =
    [
        "0", "1", "-1", "2u", "9223372036854775807", "-9223372036854775808", "18446744073709551615u", "1.5", "1e308", "0.0", "true", "false", "null", "''", "'ab'",
        "'ü😀'", "b'\\xff'", "r'\\d'", "[]", "{}", "int", "type", "agent.role", "agent.roles", "metadata.estimated_cost", "metadata.note", "metadata.path", "metadata.window",
        "metadata.tags", "request.priority", "params.limits", "params.team", "params.nothing", "now", "any", "x", "y", "agent", "metadata.urgent",
        "duration('1h')", "timestamp('2026-01-01T00:00:00Z')", "timestamp('9999-12-31T23:59:59.999999999Z')", "timestamp('0001-01-01T00:00:00Z')",
    ];

    private static readonly string[] Operators = ["+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "in", "&&", "||", "&&", "||", "=="];

    private static readonly string[] Conversions = ["int", "uint", "double", "string", "bytes", "bool", "timestamp", "duration", "dyn", "type", "size", "glob", "inCidr", "matches"];

    private static readonly string[] Methods =
    [
        "startsWith", "endsWith", "contains", "matches", "size", "getHours", "getDayOfYear", "getMilliseconds", "getFullYear", "getDate", "note", "map", "has",
    ];

    private static readonly string[] Patterns =
        ["a", "b", "ü", ".", "*", "+", "?", "(", ")", "(?:", "(?P<n>", "[", "^", "]", "-", "|", "$", "{2}", "{1,30}", "{9,}", "{", ",", "}", @"\d", @"\W", @"\b", @"\"];

    private static readonly string[] Macros = ["all", "exists", "exists_one", "map", "filter"];

    private static readonly string[] Damage =
        ["(", ")", "[", "]", "{", "}", "'", "\"", "'''", "\\", "\n", "\0", ".", ",", "?", ":", "!", "-", "/", "//", "`", "0x", "u", "e9", "in", "😀", "\ud800", "has(", "&&", "=", "1"];

    private readonly Random _random = new(seed);

    public string Next()
    {
        var source = Expression(_random.Next(1, 7));
        for (var damage = _random.Next(6) == 0 ? _random.Next(1, 4) : 0; damage > 0; damage--)
        {
            source = Damaged(source);
        }

        return source;
    }

    private string Expression(int depth)
    {
        if (depth <= 0 || _random.Next(8) == 0)
        {
            return Pick(Leaves);
        }

        string Part() => Expression(depth - 1);
        return _random.Next(16) switch
        {
            0 => $"!{Part()}",
            1 => $"-({Part()})",
            2 => $"({Part()} ? {Part()} : {Part()})",
            3 => $"{Pick(Conversions)}({Part()})",
            4 => $"{Pick(["glob", "inCidr", "matches"])}({Part()}, {Part()})",
            5 => $"({Part()}).{Pick(Methods)}({(_random.Next(2) == 0 ? "" : Part())})",
            6 => $"({Part()}).{Pick(Macros)}({Pick(["x", "y"])}, {Part()})",
            7 => $"[{Part()}, {Part()}]",
            8 => $"{{{Part()}: {Part()}, {Part()}: {Part()}}}",
            9 => $"({Part()})[{Part()}]",
            10 => $"has({Pick(["metadata.note", "params.x", "any.x", "metadata.window.from", "agent.role"])})",
            11 => $"{Pick(["'a*b'", "'[a-z]+'", "'Europe/Berlin'", "'10.0.0.0/8'", "'+05:30'", "'1h'"])} {Pick(Operators)} {Part()}",
            12 => $"({Part()}).matches('{string.Concat(Enumerable.Range(0, _random.Next(12)).Select(_ => Pick(Patterns)))}')",
            _ => $"({Part()} {Pick(Operators)} {Part()})",
        };
    }

    private string Damaged(string source)
    {
        var at = _random.Next(source.Length + 1);
        var end = Math.Min(source.Length, at + _random.Next(4));
        return _random.Next(4) switch
        {
            0 => source[..at] + source[end..],
            1 => source[..at] + Pick(Damage) + source[at..],
            2 => source[..at] + Pick(Damage) + source[end..],
            _ => source[..at] + string.Concat(Enumerable.Repeat(Pick(Damage), _random.Next(200))) + source[at..],
        };
    }

    private T Pick<T>(IReadOnlyList<T> from) => from[_random.Next(from.Count)];
}
