namespace ProtoMesh.Tests.Cel;

/// <summary>Expressions and the values they come to; the specification's own tests are a project beside this one.</summary>
public sealed class CelEvaluationTests
{
    [Theory]
    [InlineData("1 + 2 * 3 - 4", "3")]
    [InlineData("(1 + 2) * 3 % 5", "4")]
    [InlineData("-7 / 2", "-3")]
    [InlineData("-7 % 2", "-1")]
    [InlineData("7u / 2u", "3u")]
    [InlineData("0xFF", "255")]
    [InlineData("0x10u", "16u")]
    [InlineData("1.5 + .5", "2")]
    [InlineData("1e3", "1000")]
    [InlineData("-9223372036854775808", "-9223372036854775808")]
    [InlineData("--3", "3")]
    [InlineData("1.0 / 0.0", "double('Infinity')")]
    [InlineData("0.0 / 0.0 == 0.0 / 0.0", "false")]
    [InlineData("0.0 / 0.0 < 1.0 || 0.0 / 0.0 >= 1.0", "false")]
    [InlineData("'a' + \"b\"", "'ab'")]
    [InlineData("b'ab' + b'\\xff'", @"b'ab\xff'")]
    [InlineData("[1] + [2, 3]", "[1, 2, 3]")]
    [InlineData("{'a': 1, 2: 'b', true: null}", "{'a': 1, 2: 'b', true: null}")]
    [InlineData("'''a'b\nc'''", @"'a\'b\nc'")]
    [InlineData(@"r'\d' + '\t'", @"'\\d\t'")]
    [InlineData(@"'\u00fc\x41\101\U0001F600'", "'üAA😀'")]
    [InlineData("// a comment\n 1 // another", "1")]
    [InlineData("{'content-type': 1}.`content-type`", "1")]
    [InlineData("[1, 2,][1]", "2")]
    public void Literals_and_arithmetic(string expression, string expected) => Assert.Equal(expected, CelRig.Evaluate(expression).ToLiteral());

    [Theory]
    [InlineData("1 == 1.0 && 1u == 1 && 2.0 == 2u", "true")]
    [InlineData("1 < 1.5 && 2u > 1.5 && -1 < 0u", "true")]
    [InlineData("1 < 1 || 1 > 1 || 1.0 < 1 || 'a' < 'a' || now > now", "false")]
    [InlineData("1 <= 1 && 1u >= 1 && 'a' <= 'a' && now >= now && b'' <= b''", "true")]
    [InlineData("any == 3 && any != '3' && any != null", "true")]
    [InlineData("[1, 2.0] == [1.0, 2]", "true")]
    [InlineData("{'a': [1]} == {'a': [1u]}", "true")]
    [InlineData("'b' > 'abc' && 'abc' > 'ab' && '' < 'a'", "true")]
    [InlineData("'\\U0001F600' > '\\uFFFD'", "true")]
    [InlineData("b'a' < b'b' && false < true", "true")]
    [InlineData("2 in [1, 2] && !(3 in [1, 2]) && 2.0 in [1, 2]", "true")]
    [InlineData("'senior' in params.limits && !('x' in params.limits)", "true")]
    [InlineData("{1: 'a'}[1u] + {1u: 'b'}[1.0]", "'ab'")]
    [InlineData("metadata.estimated_cost > params.limits[agent.role]", "true")]
    [InlineData("metadata['estimated_cost'] == 500", "true")]
    [InlineData("size(params.limits) == 3 && [1, 2].size() == 2", "true")]
    public void Comparisons(string expression, string expected) => Assert.Equal(expected, CelRig.Evaluate(expression).ToLiteral());

    [Theory]
    [InlineData("1 / 0 == 1 || true", "true")]
    [InlineData("true || 1 / 0 == 1", "true")]
    [InlineData("1 / 0 == 1 && false", "false")]
    [InlineData("false && 1 / 0 == 1", "false")]
    [InlineData("true ? 1 : 1 / 0", "1")]
    [InlineData("any == 3 ? 'a' : any == 4 ? 'b' : 'c'", "'a'")]
    [InlineData("metadata.note == 'x' || !has(metadata.note)", "true")]
    [InlineData("has(metadata.note) && metadata.note == 'x'", "false")]
    [InlineData("has(metadata.estimated_cost) && has(metadata.path) && !has(params.nothing) && has(params.team)", "true")]
    public void Errors_are_outweighed_by_what_decides(string expression, string expected) => Assert.Equal(expected, CelRig.Evaluate(expression).ToLiteral());

    [Theory]
    [InlineData("[1, 2, 3].all(x, x > 0)", "true")]
    [InlineData("[1, 0].all(x, 1 / x > 5)", "false")]
    [InlineData("[0, 1].exists(x, 1 / x == 1)", "true")]
    [InlineData("[1, 2, 2].exists_one(x, x == 2)", "false")]
    [InlineData("[1, 2, 3].map(x, x * x)", "[1, 4, 9]")]
    [InlineData("[1, 2, 3].map(x, x > 1, x * x)", "[4, 9]")]
    [InlineData("[1, 2, 3].filter(x, x % 2 == 1)", "[1, 3]")]
    [InlineData("{'a': 1, 'b': 2}.map(k, k)", "['a', 'b']")]
    [InlineData("[[1], [2, 3]].map(x, x.map(y, y + size(x)))", "[[2], [4, 5]]")]
    [InlineData("[1].map(any, any + 1) + [any]", "[2, 3]")]
    [InlineData("[1].map(any, .any)", "[3]")]
    [InlineData("metadata.windows.all(w, w.from > 3)", "true")]
    public void Comprehensions(string expression, string expected) => Assert.Equal(expected, CelRig.Evaluate(expression).ToLiteral());

    [Theory]
    [InlineData("size('😀ü') == 2 && size(b'ab') == 2", "true")]
    [InlineData("'abc'.startsWith('ab') && 'abc'.endsWith('bc') && 'abc'.contains('b')", "true")]
    [InlineData("int('42') + int(2.9) + int(3u)", "47")]
    [InlineData("uint(3.9)", "3u")]
    [InlineData("double('1.5') + double(2)", "3.5")]
    [InlineData("string(1) + string(2u) + string(1.5) + string(true) + string(b'x')", "'121.5truex'")]
    [InlineData("string(1e99)", "'1e+99'")]
    [InlineData("bytes('ü')", @"b'\xc3\xbc'")]
    [InlineData("bool('true')", "true")]
    [InlineData("type(1) == int && type([]) == list && type(now) == google.protobuf.Timestamp", "true")]
    [InlineData("[type(null), type(type(1)), type(agent)]", "[null_type, type, agent]")]
    [InlineData("dyn('a') == 1", "false")]
    public void Functions_and_conversions(string expression, string expected) => Assert.Equal(expected, CelRig.Evaluate(expression).ToLiteral());

    [Theory]
    [InlineData("now.getHours('Europe/Berlin')", "18")]
    [InlineData("now.getHours('+05:30')", "22")]
    [InlineData("now.getHours() * 100 + now.getMinutes()", "1630")]
    [InlineData("[now.getFullYear(), now.getMonth(), now.getDate(), now.getDayOfMonth(), now.getDayOfWeek(), now.getDayOfYear()]", "[2026, 6, 1, 0, 3, 181]")]
    [InlineData("now + duration('90m')", "timestamp('2026-07-01T18:00:00Z')")]
    [InlineData("now - timestamp('2026-07-01T00:00:00+02:00')", "duration('66600s')")]
    [InlineData("duration('1h30m') + duration('-1.5s') - duration('0')", "duration('5398.5s')")]
    [InlineData("duration('1ns') * 1 == duration('1ns')", null)]
    [InlineData("string(timestamp('9999-12-31T23:59:59.999999999Z'))", "'9999-12-31T23:59:59.999999999Z'")]
    [InlineData("timestamp('2026-01-01T00:00:00.000000001Z') > timestamp('2026-01-01T00:00:00Z')", "true")]
    [InlineData("duration('-0.5s')", "duration('-0.5s')")]
    [InlineData("duration('3730s').getMinutes() + duration('1.234s').getMilliseconds()", "296")]
    [InlineData("int(timestamp(100))", "100")]
    public void Times(string expression, string? expected)
    {
        if (expected is null)
        {
            Assert.Contains("no matching overload", CelRig.Refused(expression).Message, StringComparison.Ordinal);
            return;
        }

        Assert.Equal(expected, CelRig.Evaluate(expression).ToLiteral());
    }

    [Theory]
    [InlineData("glob('db.migrate', 'db.*')", "true")]
    [InlineData("glob('db', 'db.*')", "false")]
    [InlineData("glob('a/b.c/d', 'a*c*')", "true")]
    [InlineData("glob('abab', '*ab')", "true")]
    [InlineData("glob('ab', 'ab*ab') || glob('abc', 'a*b') || glob('cab', 'a*b') || glob('axc', 'a*b*c')", "false")]
    [InlineData("glob('anything', '*') && glob('', '*') && glob('x', '**') && !glob('x', '')", "true")]
    [InlineData("glob('a?b', 'a?b') && !glob('axb', 'a?b') && !glob('a', '[a]')", "true")]
    [InlineData("inCidr('10.1.2.3', '10.0.0.0/8') && !inCidr('11.1.2.3', '10.0.0.0/8')", "true")]
    [InlineData("inCidr('10.1.2.3', '10.1.2.0/31') || inCidr('10.1.2.3', '10.1.2.2/31')", "true")]
    [InlineData("inCidr('::ffff:10.1.2.3', '10.0.0.0/8') && inCidr('2001:db8::1', '2001:db8::/33')", "true")]
    [InlineData("inCidr('10.1.2.3', '::/0') || inCidr('::1', '0.0.0.0/0')", "false")]
    [InlineData("inCidr('10.1.2.3', '0.0.0.0/0')", "true")]
    public void Globs_and_networks(string expression, string expected) => Assert.Equal(expected, CelRig.Evaluate(expression).ToLiteral());

    [Theory]
    [InlineData(@"'foo'.matches('^fo+$') && 'xfoo'.matches('fo') && matches('a', '[ab]')", "true")]
    [InlineData(@"'foo\n'.matches('^foo$')", "false")]
    [InlineData(@"'٣'.matches('\\d') || 'ü'.matches('\\w') || '\u00a0'.matches('\\s')", "false")]
    [InlineData(@"'a1 '.matches('^\\D\\d\\s$') && '-'.matches('^[\\W]$') && 'a'.matches('^[^\\W]$') && '[]'.matches('^[[\\]]+$')", "true")]
    [InlineData(@"']'.matches('^[]]$') && '$'.matches('^[$]$') && 'ab'.matches('^(?P<x>a)b$') && '\\'.matches('^[\\\\]$')", "true")]
    [InlineData("'AB'.matches('(?i)^(?:a)b$') && 'a{b}'.matches('^a{b}$') && 'aaa'.matches('^a{2,}$') && !'aaaa'.matches('^a{1,3}$')", "true")]
    public void Regular_expressions_read_as_RE2_does(string expression, string expected) => Assert.Equal(expected, CelRig.Evaluate(expression).ToLiteral());
}
