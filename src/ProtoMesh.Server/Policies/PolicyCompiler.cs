using System.Globalization;
using ProtoMesh.Server.Cel;
using ProtoMesh.Server.Policies.Documents;

namespace ProtoMesh.Server.Policies;

/// <summary>Compiles a document's expressions. Whatever does not type-check is an error at its place in the file.</summary>
internal sealed class PolicyCompiler
{
    private const int MostMessageBytes = 1_024;
    private readonly CelEnvironment _environment;
    private readonly string[] _lines;
    private readonly List<PolicyIssue> _issues;
    private IReadOnlyList<PolicyBudget>? _budgets;

    private PolicyCompiler(CelEnvironment environment, string source, List<PolicyIssue> issues)
    {
        _environment = environment;
        _lines = source.Split('\n');
        _issues = issues;
    }

    public static PolicySet Compile(PolicyDocument document, string source, string sha256, List<PolicyIssue> issues)
    {
        var schema = MetadataSchema.Of(document.Metadata, issues);
        var (parameters, parametersType) = PolicyParams.Read(document.Params, issues);
        var environment = PolicyVariables.Environment(schema.Type, parametersType);
        var compiler = new PolicyCompiler(environment, source, issues);
        var budgets = document.Budgets.Select(budget => new PolicyBudget(budget.Definition, compiler.Program(budget.Key, CelType.String))).ToList();
        compiler._budgets = budgets;
        return new PolicySet
        {
            Name = document.Name,
            Sha256 = sha256,
            Source = source,
            Rules = [.. document.Rules.Select(rule => compiler.Rule(rule, document.IsAudit))],
            AllowsByDefault = document.DefaultEffect == "allow",
            IsAudit = document.IsAudit,
            Metadata = schema,
            Params = parameters,
            Tests = document.Tests,
            Budgets = budgets,
            Environment = environment,
        };
    }

    private PolicyRule Rule(RuleSource source, bool isAudit)
    {
        var place = source.When is { } when ? PlaceOf(when, 1, 1) : (source.Line, source.Column);
        return new PolicyRule
        {
            Id = source.Id,
            Effect = source.Effect switch
            {
                "allow" => RuleEffect.Allow,
                "deny" => RuleEffect.Deny,
                "require_approval" => RuleEffect.RequireApproval,
                _ => RuleEffect.Require,
            },
            Code = source.Code ?? source.Id.Replace('-', '_').ToUpperInvariant(),
            Actions = [.. source.Actions.Select(action => action.Text)],
            When = Program(source.When, CelType.Bool),
            Message = Message(source.Message),
            IsAudit = source.IsAudit ?? isAudit,
            Lock = source.Lock is { } held && Program(held.Resource, CelType.String) is { } resource ? new LockRequirement(resource, held.Mode, held.MinRemainingMs) : null,
            Rate = source.Rate is { } rate && Program(rate.Key, CelType.String) is { } key ? new RateRequirement(key, rate.Limit, rate.Window) : null,
            Budget = source.Budget is { } use && Program(use.Amount, null) is { } amount
                ? new BudgetRequirement([.. use.Names.Select(name => _budgets!.FirstOrDefault(budget => budget.Definition.Name == name.Text)).OfType<PolicyBudget>()], amount, use.Hold) : null,
            Approvers = source.Approvers is { } approvers ? new Approvers(approvers.Group, approvers.Quorum, approvers.Expires) : null,
            Line = place.Item1,
            Column = place.Item2,
        };
    }

    private CelProgram? Message(YamlText? text)
    {
        if (text is not null && text.Text.Length > MostMessageBytes)
        {
            _issues.Add(new PolicyIssue(text.Line, text.Column, string.Create(CultureInfo.InvariantCulture, $"'message' is longer than {MostMessageBytes} characters")));
            return null;
        }

        return Program(text, CelType.String);
    }

    private CelProgram? Program(YamlText? text, CelType? expected)
    {
        if (text is null)
        {
            return null;
        }

        var program = _environment.Compile(text.Text, expected, out var issue);
        if (issue is not null)
        {
            var (line, column) = PlaceOf(text, issue.Line, issue.Column);
            _issues.Add(new PolicyIssue(line, column, issue.Message));
        }

        if (program is not null && BudgetFacts.Refusal(program.Source, _budgets) is var (at, problem))
        {
            var (line, column) = BudgetFacts.PlaceOf(text.Text, at);
            (line, column) = PlaceOf(text, line, column);
            _issues.Add(new PolicyIssue(line, column, problem));
        }

        return program;
    }

    /// <summary>
    /// Where in the file a place of an expression stands. Exact for what is written on one line without escapes and for
    /// literal blocks; the start of the text for what YAML folds.
    /// </summary>
    private (int Line, int Column) PlaceOf(YamlText text, int line, int column)
    {
        switch (text.Form)
        {
            case YamlForm.Literal when text.Line + line - 1 < _lines.Length:
                var written = _lines[text.Line + line - 1];
                return (text.Line + line, written.Length - written.TrimStart(' ').Length + column);
            case YamlForm.Plain or YamlForm.Quoted when line == 1:
                return (text.Line, text.Column + (text.Form == YamlForm.Quoted ? 1 : 0) + column - 1);
            default:
                return (text.Line, text.Column);
        }
    }
}
