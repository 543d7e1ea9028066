using System.Text.RegularExpressions;

namespace ProtoMesh.Server.Policies.Documents;

/// <summary>Reads the document's shape and says everything that is wrong with it.</summary>
internal sealed partial class DocumentReader
{
    public const string ApiVersion = "protomesh.dev/policy/v1";
    public const int MostRules = 500;
    private const int MostTests = 500;
    private const int MostFields = 64;
    private const int MostParams = 256;
    private const string NameRule = "1 to 64 of a-z, 0-9 and -, not - at its start";
    private readonly List<PolicyIssue> _issues;

    private DocumentReader(List<PolicyIssue> issues) => _issues = issues;

    /// <summary>The document, or null when it has no usable shape; <paramref name="issues"/> has what is wrong either way.</summary>
    public static PolicyDocument? Read(string source, List<PolicyIssue> issues)
    {
        var root = YamlTree.Read(source, out var issue);
        if (issue is not null)
        {
            issues.Add(issue);
        }

        return root is null ? null : new DocumentReader(issues).Document(root);
    }

    public static bool IsName(string text) => NamePattern().IsMatch(text);

    private PolicyDocument? Document(YamlNode root)
    {
        if (Fields.Of(root, "a policy", _issues, "apiVersion", "name", "defaults", "params", "metadata", "budgets", "rules", "tests") is not { } fields)
        {
            return null;
        }

        if (fields.Text("apiVersion", required: true) is { } version && version.Text != ApiVersion)
        {
            Add(version, $"'apiVersion' is {ApiVersion}");
        }

        var name = fields.Word("name", NamePattern(), NameRule, required: true);
        var defaults = Fields.Of(fields.Node("defaults"), "'defaults'", _issues, "effect", "on_error", "mode");
        defaults?.OneOf("on_error", "deny");
        var rules = fields.List("rules", 1, MostRules, required: true).Select(Rule).OfType<RuleSource>().ToList();
        foreach (var twice in rules.GroupBy(rule => rule.Id, StringComparer.Ordinal).SelectMany(same => same.Skip(1)))
        {
            _issues.Add(new PolicyIssue(twice.Line, twice.Column, $"a second rule with the id '{twice.Id}'"));
        }

        var budgets = new BudgetReader(_issues).Read(fields, rules);
        return new PolicyDocument
        {
            Name = name ?? "unnamed",
            DefaultEffect = defaults?.OneOf("effect", "deny", "allow") ?? "deny",
            IsAudit = defaults?.OneOf("mode", "enforce", "audit") == "audit",
            Params = fields.Entries("params", MostParams),
            Metadata = [.. fields.Entries("metadata", MostFields).Select(MetadataOf).OfType<MetadataField>()],
            Rules = rules,
            Budgets = budgets,
            Tests = [.. fields.List("tests", 0, MostTests).Select(Test).OfType<TestSource>()],
        };
    }

    private MetadataField? MetadataOf(YamlEntry entry)
    {
        var name = entry.Key.Text;
        if (!FieldPattern().IsMatch(name))
        {
            Add(entry.Key, "a metadata field is named by a letter or _ and then letters, digits or _, at most 64");
        }

        if (Fields.Of(entry.Value, $"metadata field '{Fields.Shown(name)}'", _issues, "type", "required", "default", "min", "max", "max_length", "one_of") is not { } fields)
        {
            return null;
        }

        fields.Node("type", required: true);
        var type = fields.OneOf("type", "number", "int", "string", "bool", "list", "map") ?? "number";
        var isNumber = type is "number" or "int";
        foreach (var bound in new[] { "min", "max" }.Where(bound => !isNumber && fields.Node(bound) is not null))
        {
            Add(fields.Node(bound)!, $"'{bound}' is for number and int");
        }

        var oneOf = fields.List("one_of", 1, 100).Select(item => (item as YamlText)?.Text).OfType<string>().ToList();
        if (oneOf.Count > 0 && type != "string")
        {
            Add(fields.Node("one_of")!, "'one_of' is for string");
        }

        return new MetadataField
        {
            Name = name,
            Type = type,
            IsRequired = fields.Flag("required") == true,
            Default = type is "list" or "map" ? null : fields.Node("default") as YamlText,
            Min = isNumber ? fields.Number("min") : null,
            Max = isNumber ? fields.Number("max") : null,
            MaxLength = (int)(fields.Integer("max_length", 1, 16_384) ?? 1_024),
            OneOf = oneOf,
        };
    }

    private RuleSource? Rule(YamlNode node)
    {
        if (Fields.Of(node, "a rule", _issues, "id", "description", "actions", "when", "effect", "code", "message", "mode", "require", "approvers") is not { } fields)
        {
            return null;
        }

        var id = fields.Word("id", NamePattern(), NameRule, required: true);
        fields.Text("description");
        var effect = fields.OneOf("effect", "deny", "require_approval", "allow");
        var require = Fields.Of(fields.Node("require"), "'require'", _issues, "lock", "rate", "budget");
        if (fields.Node("effect") is null == fields.Node("require") is null)
        {
            Add(node, "a rule has either an 'effect' or a 'require'");
        }

        if (require is not null && new[] { "lock", "rate", "budget" }.Count(kind => require.Node(kind) is not null) != 1)
        {
            Add(node, "'require' names one of a lock, a rate and a budget; write a rule for each");
        }

        if (fields.Node("approvers") is { } approvers && effect != "require_approval")
        {
            Add(approvers, "'approvers' belong to the effect require_approval");
        }

        return id is null ? null : new RuleSource
        {
            Id = id,
            Actions = Actions(fields),
            When = fields.Text("when"),
            Effect = effect,
            Code = fields.Word("code", CodePattern(), "1 to 64 of A-Z, 0-9 and _ that start with a letter"),
            Message = fields.Text("message"),
            IsAudit = fields.OneOf("mode", "enforce", "audit") is { } mode ? mode == "audit" : null,
            Lock = require is null ? null : Lock(require.Node("lock")),
            Rate = require is null ? null : Rate(require.Node("rate")),
            Budget = require is null ? null : new BudgetReader(_issues).Use(require.Node("budget")),
            Approvers = effect == "require_approval" ? Approvers(fields.Node("approvers")) : null,
            Line = node.Line,
            Column = node.Column,
        };
    }

    private List<YamlText> Actions(Fields rule)
    {
        var actions = new List<YamlText>();
        foreach (var item in rule.List("actions", 1, 100, required: true))
        {
            if (item is YamlText { IsNull: false } text && ActionPattern().IsMatch(text.Text))
            {
                actions.Add(text);
            }
            else
            {
                Add(item, "an action is 1 to 128 of letters, digits and _ . : / -, with * for any run of characters");
            }
        }

        return actions;
    }

    private LockSource? Lock(YamlNode? node)
    {
        if (Fields.Of(node, "'lock'", _issues, "resource", "mode", "min_remaining_ms") is not { } fields)
        {
            return null;
        }

        var resource = fields.Text("resource", required: true);
        var mode = fields.OneOf("mode", "exclusive", "shared", "slots") ?? "exclusive";
        var least = fields.Integer("min_remaining_ms", 0, 86_400_000) ?? 0;
        return resource is null ? null : new LockSource(resource, mode, least);
    }

    private RateSource? Rate(YamlNode? node)
    {
        if (Fields.Of(node, "'rate'", _issues, "key", "limit", "window") is not { } fields)
        {
            return null;
        }

        var key = fields.Text("key", required: true);
        var limit = fields.Integer("limit", 1, 10_000, required: true);
        var window = fields.Duration("window", TimeSpan.FromSeconds(1), TimeSpan.FromDays(1), required: true);
        return key is null || limit is null || window is null ? null : new RateSource(key, (int)limit, window.Value);
    }

    private ApproversSource? Approvers(YamlNode? node)
    {
        if (Fields.Of(node, "'approvers'", _issues, "group", "quorum", "expires") is not { } fields)
        {
            return null;
        }

        var group = fields.Word("group", NamePattern(), NameRule, required: true);
        var quorum = fields.Integer("quorum", 1, 20) ?? 1;
        var expires = fields.Duration("expires", TimeSpan.FromMinutes(1), TimeSpan.FromDays(30)) ?? TimeSpan.FromHours(1);
        return group is null ? null : new ApproversSource(group, (int)quorum, expires);
    }

    private TestSource? Test(YamlNode node)
    {
        if (Fields.Of(node, "a test", _issues, "name", "given", "expect") is not { } fields)
        {
            return null;
        }

        var name = fields.Text("name", required: true);
        var given = fields.Node("given", required: true) as YamlMap;
        if (given is null && fields.Node("given") is { } other)
        {
            Add(other, $"'given' is a map, not {other.Kind}");
        }

        if (Fields.Of(fields.Node("expect", required: true), "'expect'", _issues, "decision", "rules") is not { } expect)
        {
            return null;
        }

        expect.Node("decision", required: true);
        var decision = expect.OneOf("decision", "allow", "deny", "require_approval");
        var rules = expect.Node("rules") is null ? null : expect.List("rules", 0, MostRules).Select(item => (item as YamlText)?.Text ?? "").ToList();
        return name is null || given is null || decision is null ? null : new TestSource(name.Text, given, decision, rules, node.Line, node.Column);
    }

    private void Add(YamlNode at, string message) => _issues.Add(new PolicyIssue(at.Line, at.Column, message));

    [GeneratedRegex("^[a-z0-9][a-z0-9-]{0,63}\\z")]
    private static partial Regex NamePattern();

    [GeneratedRegex("^[A-Z][A-Z0-9_]{0,63}\\z")]
    private static partial Regex CodePattern();

    [GeneratedRegex("^[A-Za-z_][A-Za-z0-9_]{0,63}\\z")]
    private static partial Regex FieldPattern();

    [GeneratedRegex("^[A-Za-z0-9_.:/*-]{1,128}\\z")]
    private static partial Regex ActionPattern();
}
