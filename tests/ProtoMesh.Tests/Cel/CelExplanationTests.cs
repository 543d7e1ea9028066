namespace ProtoMesh.Tests.Cel;

/// <summary>Why a condition held, and what would have to change.</summary>
public sealed class CelExplanationTests
{
    [Theory]
    [InlineData("metadata.estimated_cost > params.limits[agent.role]", "metadata.estimated_cost <= 100")]
    [InlineData("params.limits[agent.role] < metadata.estimated_cost", "metadata.estimated_cost <= 100")]
    [InlineData("metadata.estimated_cost > (agent.role in params.limits ? params.limits[agent.role] : 5)", "metadata.estimated_cost <= 100")]
    [InlineData("metadata.estimated_cost * 2.0 >= 10.0 + 1.0", "metadata.estimated_cost * 2.0 < 11")]
    [InlineData("!(agent.role in params.limits) || metadata.estimated_cost > params.limits[agent.role]", "metadata.estimated_cost <= 100")]
    [InlineData("!(agent.team in params.limits)", "agent.team in ['junior', 'senior', 'admin']")]
    [InlineData("!('admin' in agent.roles)", "'admin' in agent.roles")]
    [InlineData("agent.role in ['junior', 'x']", "!(agent.role in ['junior', 'x'])")]
    [InlineData("metadata.path == '/srv/data'", "metadata.path != '/srv/data'")]
    [InlineData("params.team != agent.team", "agent.team == 'blue'")]
    [InlineData("!(request.priority <= 5)", "request.priority <= 5")]
    [InlineData("5 < request.priority", "request.priority <= 5")]
    [InlineData("metadata.path.startsWith(params.prefix)", "!metadata.path.startsWith('/srv/')")]
    [InlineData("!metadata.path.matches('^/tmp')", "metadata.path.matches('^/tmp')")]
    [InlineData("glob(metadata.path, '/srv/*')", "!glob(metadata.path, '/srv/*')")]
    [InlineData("metadata.urgent", "!metadata.urgent")]
    [InlineData("!has(metadata.note)", "has(metadata.note)")]
    [InlineData("has(metadata.tags)", "!has(metadata.tags)")]
    [InlineData("agent.roles.exists(r, r == 'ops')", "!agent.roles.exists(r, r == 'ops')")]
    [InlineData("metadata.urgent ? request.priority > 5 : false", "request.priority <= 5")]
    [InlineData("metadata.urgent ? true : false", "!metadata.urgent")]
    [InlineData("agent.team != 'blue' && metadata.estimated_cost > 10.0", "metadata.estimated_cost <= 10 or agent.team == 'blue'")]
    [InlineData("true && metadata.urgent", "!metadata.urgent")]
    [InlineData("agent.team == 'red' || metadata.estimated_cost > 10.0 || agent.team == 'x'", "metadata.estimated_cost <= 10; agent.team != 'red'")]
    [InlineData("(metadata.urgent || request.priority > 5) && agent.team == 'red'", "(!metadata.urgent and request.priority <= 5) or agent.team != 'red'")]
    [InlineData("!(metadata.path == 'x' && request.priority == 1)", "metadata.path == 'x'; request.priority == 1")]
    [InlineData("!(metadata.path == 'x' || request.priority == 1)", "metadata.path == 'x' or request.priority == 1")]
    [InlineData("params.team == 'blue'", "params.team != 'blue'")]
    [InlineData("now.getHours('Europe/Berlin') >= 18", "now.getHours('Europe/Berlin') < 18")]
    [InlineData("metadata.note == 'x' || metadata.urgent", "!metadata.urgent")]
    [InlineData("true", "")]
    [InlineData("1 < 2", "")]
    public void It_says_what_to_change(string expression, string expected)
    {
        Assert.True(CelRig.Evaluate(expression).IsTrue, $"{expression} has to hold for this test.");
        Assert.Equal(expected, string.Join("; ", CelRig.Compile(expression).Explain(CelRig.Facts()).ToChange));
    }

    [Theory]
    [InlineData("!(agent.role in params.limits) || metadata.estimated_cost > params.limits[agent.role]",
        "agent.role = 'junior', params.limits = {'junior': 100, 'senior': 1000, 'admin': 10000}, metadata.estimated_cost = 500, params.limits[agent.role] = 100")]
    [InlineData("metadata.note == 'x' || has(metadata.path) && any == 3", "metadata.path = '/srv/data', any = 3")]
    [InlineData("agent.roles.exists(r, r == agent.team || r == 'ops')", "agent.roles = ['user', 'ops'], agent.team = 'red'")]
    public void It_says_what_was_read(string expression, string expected) =>
        Assert.Equal(expected, string.Join(", ", CelRig.Compile(expression).Explain(CelRig.Facts()).Values.Select(each => $"{each.Path} = {each.Value.ToLiteral()}")));

    [Theory]
    [InlineData("!(agent.role in params.limits) || metadata.estimated_cost > params.limits[agent.role]", "agent.role, params.limits, metadata.estimated_cost")]
    [InlineData("has(metadata.note) && now.getHours() > 3 && agent.roles.exists(r, r == agent.team)", "metadata.note, now, agent.roles, agent.team")]
    public void Its_paths_are_known_before(string expression, string expected) => Assert.Equal(expected, string.Join(", ", CelRig.Compile(expression).Paths));

    [Theory]
    [InlineData("metadata.note == 'x'", "1:10 metadata.note")]
    [InlineData("metadata.path == 'x' && agent.role == 'y'", "")]
    [InlineData("has(metadata.note) && metadata.note == 'x'", "")]
    [InlineData("metadata.note == 'x' && has(metadata.note)", "")]
    [InlineData("has(metadata.note) || metadata.note == 'x'", "1:32 metadata.note")]
    [InlineData("!has(metadata.note) || metadata.note == 'x'", "")]
    [InlineData("has(metadata.note) ? metadata.note == 'x' : metadata.note == 'y'", "1:54 metadata.note")]
    [InlineData("!(has(metadata.note) && has(metadata.tags)) || metadata.note == 'x' && 'a' in metadata.tags", "")]
    [InlineData("(has(metadata.note) || has(metadata.tags)) && metadata.note == 'x'", "1:56 metadata.note")]
    [InlineData("(has(metadata.note) || has(metadata.note) && metadata.urgent) && metadata.note == 'x'", "")]
    [InlineData("has(metadata.window) && metadata.window.from > 1", "1:41 metadata.window.from")]
    [InlineData("has(metadata.window.from)", "1:14 metadata.window")]
    [InlineData("metadata.urgent && [1].all(x, metadata.estimated_cost > 1.0)", "1:40 metadata.estimated_cost")]
    public void An_optional_field_that_no_has_guards_is_known(string expression, string expected) =>
        Assert.Equal(expected, string.Join(", ", CelRig.Compile(expression).Unguarded.Select(each => $"{each.Line}:{each.Column} {each.Path}")));
}
