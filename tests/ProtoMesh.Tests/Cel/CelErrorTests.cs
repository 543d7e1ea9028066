using ProtoMesh.Server.Cel;

namespace ProtoMesh.Tests.Cel;

/// <summary>What is refused when it is loaded, and what is an error of the evaluation; both say where.</summary>
public sealed class CelErrorTests
{
    [Theory]
    [InlineData("acton == 'x'", "1:1 unknown name 'acton'; known are agent, metadata, request, params, now, any")]
    [InlineData("agent.role > 5", "1:12 no matching overload for '>' applied to (string, int)")]
    [InlineData("true &&\n  agent.rol == 'x'", "2:9 agent has no field 'rol'; it has id, role, team, roles")]
    [InlineData("agent.role.matchs('x')", "1:12 unknown function 'matchs'")]
    [InlineData("startsWith('a', 'b')", "1:1 'startsWith' is called on its first argument, as in x.startsWith(…)")]
    [InlineData("'a'.glob('b')", "1:5 'glob' is called as glob(…)")]
    [InlineData("'abc' && true", "1:1 no matching overload for '&&' applied to (string)")]
    [InlineData("agent.role == 5", "1:12 no matching overload for '==' applied to (string, int)")]
    [InlineData("agent.role == null", "1:12 no matching overload for '==' applied to (string, null); a field that may be absent is asked for with has()")]
    [InlineData("1 + 1.0", "1:3 no matching overload for '+' applied to (int, double); both have to be of one type, as in double(x) * 2.0")]
    [InlineData("true && estimated_cost > 5", "1:9 unknown name 'estimated_cost'; did you mean metadata.estimated_cost?")]
    [InlineData("agent.role in ['a', 5] && agent.role in [5]", "1:38 no matching overload for 'in' applied to (string, list(int))")]
    [InlineData("!5", "1:1 no matching overload for '!' applied to (int)")]
    [InlineData("true ? 'a' : 1", "1:6 no matching overload for '?:' applied to (bool, string, int)")]
    [InlineData("size(5)", "1:1 no matching overload for 'size' applied to (int)")]
    [InlineData("size()", "1:1 no matching overload for 'size' applied to ()")]
    [InlineData("agent.roles[0][0]", "1:15 no matching overload for '[]' applied to (string, int)")]
    [InlineData("agent['rol']", "1:7 agent has no field 'rol'; it has id, role, team, roles")]
    [InlineData("{1.5: 2}", "1:2 a double cannot be the key of a map")]
    [InlineData("[1].all(x, x)", "1:12 no matching overload for '?:' applied to (int)")]
    [InlineData("agent.all(x, true)", "1:1 no matching overload for 'all' applied to (agent)")]
    [InlineData("has(agent)", "1:1 has() takes one field, as in has(metadata.note)")]
    [InlineData("[1].all(1, true)", "1:9 the first argument of all() is the name of a variable")]
    [InlineData("[1].map(x)", "1:5 map() takes a variable and an expression, as in list.map(x, x > 0)")]
    [InlineData("'a'.matches('(')", "1:13 '(' is no regular expression: InsufficientClosingParentheses")]
    [InlineData("'a'.matches('(a)\\\\1')", "1:13 '(a)\\\\1' needs backtracking, which is no part of the language")]
    [InlineData("'a'.matches('a(?=b)')", "1:13 'a(?=b)' needs backtracking, which is no part of the language")]
    [InlineData("'a'.matches('[a')", "1:13 '[a' is no regular expression: the bracket at character 1 is not closed")]
    [InlineData("'a'.matches('(?m)^a$')", "1:13 of a regular expression's flags only i and s are part of the language")]
    [InlineData("'a'.matches('^[[:alpha:]]$')", "1:13 a named class such as [:alpha:] is no part of the language; write it as a-zA-Z")]
    [InlineData("'a'.matches('^' + agent.role)", "1:17 the pattern of matches() is a text that stands in the expression")]
    [InlineData("now.getHours('localtime')", "1:14 'localtime' is no time zone; write one as 'Europe/Berlin' or '+02:00'")]
    [InlineData("duration('-')", "1:10 '-' is no duration, or out of its range")]
    [InlineData("inCidr('1.2.3.4', '10.0.0.0')", "1:19 '10.0.0.0' is no network; write one as '10.0.0.0/8' or '2001:db8::/32'")]
    [InlineData("now.getHours('Mars/Olympus')", "1:14 'Mars/Olympus' is no time zone; write one as 'Europe/Berlin' or '+02:00'")]
    [InlineData("now.getHours('../../etc/passwd')", "1:14 '../../etc/passwd' is no time zone; write one as 'Europe/Berlin' or '+02:00'")]
    [InlineData("now - duration('1 hour') < now", "1:16 '1 hour' is no duration, or out of its range")]
    [InlineData("now < timestamp('2026-02-30T00:00:00Z')", "1:17 '2026-02-30T00:00:00Z' is no timestamp, or out of its range")]
    public void An_expression_that_means_nothing_is_refused_with_its_place(string expression, string expected) =>
        Assert.Equal(expected, CelRig.Refused(expression).ToString());

    [Theory]
    [InlineData("", "1:1 a value is expected here, not the end of the expression")]
    [InlineData("1 +", "1:4 a value is expected here, not the end of the expression")]
    [InlineData("(1", "1:3 ')' is expected here, not the end of the expression")]
    [InlineData("1 2", "1:3 an operator or the end is expected here, not '2'")]
    [InlineData("a = 1", "1:3 '=' is no operator; equality is '=='")]
    [InlineData("true & true", "1:6 '&' is no operator; 'and' is '&&'")]
    [InlineData("1 # 2", "1:3 '#' is no part of the language")]
    [InlineData("'abc", "1:1 the string is not closed")]
    [InlineData("'a\nb'", "1:1 the string is not closed")]
    [InlineData(@"'a\q'", @"1:3 this is no escape sequence; a backslash itself is written '\\', or put an r before the string")]
    [InlineData(@"'\ud800'", "1:2 the escape sequence is no Unicode code point")]
    [InlineData(@"'\x4'", "1:2 the escape sequence needs 2 hexadecimal digits")]
    [InlineData(@"b'\u00fc'", @"1:3 this is no escape sequence; a backslash itself is written '\\', or put an r before the string")]
    [InlineData("9223372036854775808", "1:1 the number 9223372036854775808 is out of range")]
    [InlineData("18446744073709551616u", "1:1 the number 18446744073709551616u is out of range")]
    [InlineData("1 +\n  while", "2:3 'while' is a reserved word")]
    [InlineData("agent.in", "1:7 the name of a field or function is expected here, not 'in'")]
    [InlineData("Agent{id: 1}", "1:6 messages are no part of this profile; a map is written {'key': value}")]
    [InlineData("size([1],)", "1:10 an argument is expected here, not ')'")]
    [InlineData("'''a\nb''' ??", "2:7 a value is expected here, not '?'")]
    public void A_text_that_is_no_expression_is_refused_with_its_place(string expression, string expected) =>
        Assert.Equal(expected, CelRig.Refused(expression).ToString());

    [Theory]
    [InlineData("1 / (any - 3)", "1:3 division by zero")]
    [InlineData("1 % (any - 3)", "1:3 modulus by zero")]
    [InlineData("9223372036854775807 + any", "1:21 integer overflow")]
    [InlineData("9223372036854775807 * any", "1:21 integer overflow")]
    [InlineData("-(-9223372036854775807 - (any - 2))", "1:1 integer overflow")]
    [InlineData("0u - 1u", "1:4 integer overflow")]
    [InlineData("[1, 2][any]", "1:7 index 3 is out of range, the list has 2 elements")]
    [InlineData("params.limits['boss']", "1:14 no such key: 'boss'")]
    [InlineData("params.nothing", "1:8 no such key: 'nothing'")]
    [InlineData("metadata.note == 'x'", "1:10 no such field 'note'")]
    [InlineData("any.name", "1:5 an int has no fields")]
    [InlineData("any + 'x'", "1:5 no matching overload for '+' applied to (int, string)")]
    [InlineData("any && true", "1:5 no matching overload for '&&' applied to (int)")]
    [InlineData("any ? 1 : 2", "1:5 no matching overload for '?:' applied to (int)")]
    [InlineData("any.startsWith('x')", "1:5 no matching overload for 'startsWith' applied to (int, string)")]
    [InlineData("any.exists(x, x)", "1:5 an int has no elements")]
    [InlineData("{'a': 1, any: 2, 3: 4}", "1:1 the key 3 stands in the map twice")]
    [InlineData("int('abc')", "1:1 'abc' is no int, or out of its range")]
    [InlineData("int(1e99)", "1:1 1e+99 is no int, or out of its range")]
    [InlineData("string(b'\\xff')", "1:1 the bytes are no UTF-8 text")]
    [InlineData("inCidr('10.1', '10.0.0.0/8')", "1:1 '10.1' is no IP address")]
    [InlineData("inCidr('010.0.0.1', '10.0.0.0/8')", "1:1 '010.0.0.1' is no IP address")]
    [InlineData("timestamp('9999-12-31T23:59:59Z') + duration('1s')", "1:35 the timestamp is out of range")]
    [InlineData("timestamp('9999-12-31T23:59:59Z') - timestamp('0001-01-01T00:00:00Z') > duration('0')", "1:35 the duration is out of range")]
    [InlineData("timestamp('9999-12-31T23:59:59Z').getHours('+02:00')", "1:35 the timestamp is out of range in this time zone")]
    public void What_only_a_value_can_tell_is_an_error_value_with_its_place(string expression, string expected) =>
        Assert.Equal(expected, CelRig.Evaluate(expression).Fault!.ToString());

    [Fact]
    public void The_type_that_is_expected_is_held_against_the_check_and_against_the_value()
    {
        Assert.Equal("1:3 a bool is expected here, and the expression is an int", CelRig.Refused("1 + 2", CelType.Bool).ToString());
        var budget = CelBudget.ForDecision();
        Assert.Equal("a bool is expected, and the value is an int", CelRig.Compile("any", CelType.Bool).Evaluate(CelRig.Facts(), ref budget).Fault!.Message);
        Assert.Equal("6 variables are declared, and 1 have a value", CelRig.Compile("any").Evaluate([CelValue.Null], ref budget).Fault!.Message);
    }

    [Fact]
    public void An_unchecked_expression_still_has_only_names_that_exist()
    {
        var environment = new CelEnvironment([]) { IsTyped = false };
        var budget = CelBudget.ForDecision();

        Assert.True(environment.Compile("'horses' || true", null, out _)!.Evaluate([], ref budget).IsTrue);
        Assert.Null(environment.Compile("horses || true", null, out var issue));
        Assert.Equal("unknown name 'horses'", issue!.Message);
    }
}
