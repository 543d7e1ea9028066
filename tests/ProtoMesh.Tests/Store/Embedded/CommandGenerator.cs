using System.Globalization;

namespace ProtoMesh.Tests.Store.Embedded;

/// <summary>Random commands that hit one another: few keys, few fields, and a share of mistakes of every sort.</summary>
internal sealed class CommandGenerator(int seed)
{
    private static readonly string[] HashFields = ["a", "b", "c", "ü", "\u0001", "", "7", "a b"];
    private static readonly string[] Members = ["a", "aa", "ab", "b", "ba", "c", "", "\u0000", "ÿ", "日本", "10", "9"];

    private static readonly string[] Scores =
        ["0", "1", "-1", "2", "1.5", "0.1", "1e5", "1e20", "9007199254740991", "-9007199254740993", "3.0000000000000004", "1e-7",
         "123456789012345678", "inf", "-inf", "+inf", "Infinity", "-0", ".5", "5.", "1e400", "1e-400", "0e-999", "nan", "x", "", " 1", "1 ", "0x", "--1", "+3", "e5"];

    private static readonly string[] ScoreBounds =
        ["-inf", "+inf", "0", "(0", "1", "(1", "2", "(1.5", "0.1", "(-1", "1e20", "inf", "(", "", "((1", "x", "nan", "1e400", "(-inf"];

    private static readonly string[] TextBounds =
        ["-", "+", "[a", "(a", "[ab", "(ab", "[b", "(b", "[", "(", "[\u00ff", "(日", "a", "", "--", "+a", "[\u0000", "(10"];

    private static readonly string[] Ids =
        ["1-1", "1-2", "2-0", "2-*", "3-*", "3-7", "5", "5-*", "6-18446744073709551615", "6-*", "0-0", "0-*", "0-1", "7-1", "x", "1-x", "1-", "-1", "", "-", "+", "1-*-*",
         "18446744073709551616-0", "007-01", "8-2", "*-1"];

    private static readonly string[] IdBounds =
        ["-", "+", "1", "2", "(2", "3-1", "(3-1", "5-0", "(5-0", "9", "(0-0", "(18446744073709551615-18446744073709551615", "(", "(-", "(+", "x", "", "0", "12-4", "6-18446744073709551615"];

    private static readonly string[] Integers = ["0", "1", "2", "3", "-1", "-2", "-3", "5", "100", "9223372036854775807", "-9223372036854775808", "01", "+1", "x", "", "1.5", "-0", "9223372036854775808"];

    private readonly Random _random = new(seed);
    private int _epoch = 9;

    public static string[] Keys { get; } = ["{k}:hash", "{k}:zset", "{k}:lex", "{k}:stream", "{k}:any"];

    public string[] Next()
    {
        var command = Valid();
        return _random.Next(25) switch
        {
            0 when command.Length > 1 => command[..^1],
            1 when command[0] is not ("DEL" or "EXISTS") => [.. command, Pick(Integers)],
            2 => [command[0].ToLowerInvariant(), .. command[1..]],
            3 when _random.Next(4) == 0 => [Pick("NOPE", "ZADDX", "", "SUBSCRIBED", new string('Z', 40)), .. command[1..]],
            _ => command,
        };
    }

    private string[] Valid() => _random.Next(32) switch
    {
        0 => ["HGET", Hash(), Field()],
        1 => ["HMGET", Hash(), .. Many(Field)],
        2 or 3 => ["HSET", Hash(), .. Many(() => [Field(), Field()])],
        4 => ["HDEL", Hash(), .. Many(Field)],
        5 => [Pick("HEXISTS", "HGET"), Hash(), Field()],
        6 => ["HLEN", Hash()],
        7 or 8 => ["ZADD", Set(), .. AddOptions(), .. Many(() => [Score(), Member()])],
        9 or 10 => ["ZADD", Lex(), .. Many(() => ["0", Member()])],
        11 => ["ZREM", Pick(Set(), Lex()), .. Many(Member)],
        12 => ["ZSCORE", Set(), Member()],
        13 => ["ZMSCORE", Set(), .. Many(Member)],
        14 => ["ZCARD", Set()],
        15 => ["ZCOUNT", Set(), Pick(ScoreBounds), Pick(ScoreBounds)],
        16 => ["ZRANK", Pick(Set(), Lex()), Member()],
        17 => ["ZRANGE", Set(), Pick(Integers), Pick(Integers), .. RangeOptions()],
        18 => ["ZRANGE", Pick(Set(), Lex()), "0", "-1", .. RangeOptions()],
        19 => ["ZRANGEBYSCORE", Set(), Pick(ScoreBounds), Pick(ScoreBounds), .. ScoreOptions()],
        20 => [Pick("ZRANGEBYLEX", "ZREVRANGEBYLEX"), Lex(), Pick(TextBounds), Pick(TextBounds), .. Limit()],
        21 => ["ZRANGEBYLEX", Lex(), "-", "+", .. Limit()],
        22 => ["ZREVRANGEBYLEX", Lex(), "+", Pick(TextBounds), .. Limit()],
        23 => ["ZLEXCOUNT", Lex(), Pick(TextBounds), Pick(TextBounds)],
        24 => ["XADD", Stream(), NextId(), .. Many(() => [Field(), Field()])],
        25 => ["XADD", Stream(), Pick(Ids), .. Many(() => [Field(), Field()])],
        26 => ["XRANGE", Stream(), Pick(IdBounds), Pick(IdBounds), .. Count()],
        27 => ["XREVRANGE", Stream(), Pick(IdBounds), Pick(IdBounds), .. Count()],
        28 => Pick<string[]>(["XRANGE", Stream(), "-", "+"], ["XREVRANGE", Stream(), "+", "-"], ["XLEN", Stream()]),
        29 => Pick<string[]>(
            ["XTRIM", Stream(), "MAXLEN", Pick(Integers)], ["XTRIM", Stream(), "MAXLEN", "=", Pick("2", "3", "x")],
            ["XTRIM", Stream(), "MINID", Pick(IdBounds)], ["XTRIM", Stream(), "MINID", "=", Pick(IdBounds)], ["XTRIM", Stream(), "NOPE", "1"]),
        30 => Pick<string[]>(["EXISTS", .. Many(() => Pick(Keys))], ["TYPE", Pick(Keys)], ["TIME"], ["PUBLISH", "nobody", "hears"], ["DEL"]),
        _ => _random.Next(9) == 0 ? ["DEL", .. Many(() => Pick(Keys))] : ["TYPE", Pick(Keys)],
    };

    private string Hash() => Usually("{k}:hash");

    private string Set() => Usually("{k}:zset");

    /// <summary>All of its members have the score 0, without which ranges by text mean nothing.</summary>
    private string Lex() => _random.Next(30) == 0 ? "{k}:hash" : "{k}:lex";

    private string Stream() => Usually("{k}:stream");

    private string Usually(string key) => _random.Next(15) == 0 ? Pick("{k}:hash", "{k}:zset", "{k}:stream", "{k}:any") : key;

    private string Field() => Pick(HashFields);

    private string Member() => _random.Next(2) == 0 ? Pick(Members) : $"m{_random.Next(200)}";

    private string Score() => _random.Next(3) == 0 ? Pick(Scores) : (_random.Next(-40, 40) / 4.0).ToString(CultureInfo.InvariantCulture);

    private string NextId() => Pick($"{_epoch}-*", $"{_epoch += _random.Next(2)}-*", $"{_epoch += 1}-{_random.Next(3)}");

    private IEnumerable<string> AddOptions() => _random.Next(2) == 0 ? [] : Many(() => Pick("NX", "XX", "GT", "LT", "CH", "ch"));

    private string[] RangeOptions() => Pick<string[]>([], [], ["REV"], ["WITHSCORES"], ["REV", "WITHSCORES"], ["LIMIT", "0", "1"], ["LIMIT", "0", "-1"], ["NOPE"]);

    private string[] ScoreOptions() => Pick<string[]>([], ["WITHSCORES"], ["LIMIT", Pick(Integers), Pick(Integers)], ["LIMIT", "1", "2", "withscores"], ["LIMIT", "1"], ["REV"]);

    private string[] Limit() => Pick<string[]>([], [], ["LIMIT", Pick(Integers), Pick(Integers)], ["LIMIT", "1", "3"], ["LIMIT", "x"], ["WITHSCORES"]);

    private string[] Count() => Pick<string[]>([], ["COUNT", Pick(Integers)], ["COUNT", "2"], ["COUNT"], ["COUNT", "1", "COUNT", "2"]);

    private IEnumerable<string> Many(Func<string> one) => Many(() => [one()]);

    private IEnumerable<string> Many(Func<string[]> one) => [.. Enumerable.Range(0, 1 + _random.Next(3)).SelectMany(_ => one())];

    private T Pick<T>(params T[] choices) => choices[_random.Next(choices.Length)];
}
