using System.Globalization;
using System.Text.RegularExpressions;
using ProtoMesh.Server.Budgets;
using ProtoMesh.Server.Cel.Evaluation;

namespace ProtoMesh.Server.Policies.Documents;

/// <summary>Reads the budgets of a document, and what its rules take of them.</summary>
internal sealed partial class BudgetReader(List<PolicyIssue> issues)
{
    public const int MostBudgets = 64;
    public const int MostNames = 8;
    private const string UnitRule = "usd, tokens, calls or a word of 1 to 32 of a-z, 0-9, _ and - that starts with a letter";

    /// <summary>The document's budgets; rules that use unknown ones, or several units, are errors.</summary>
    public IReadOnlyList<BudgetSource> Read(Fields document, IReadOnlyList<RuleSource> rules)
    {
        var budgets = document.Entries("budgets", MostBudgets).Select(Budget).OfType<BudgetSource>().ToList();
        var names = document.Entries("budgets", MostBudgets).Select(entry => entry.Key.Text).ToHashSet(StringComparer.Ordinal);
        foreach (var use in rules.Select(rule => rule.Budget).OfType<BudgetUseSource>())
        {
            foreach (var name in use.Names.Where(name => !names.Contains(name.Text)))
            {
                Add(name, $"there is no budget '{Fields.Shown(name.Text)}'{(names.Count == 0 ? "" : $"; there are {string.Join(", ", names)}")}");
            }

            var units = use.Names.Select(name => budgets.FirstOrDefault(budget => budget.Definition.Name == name.Text)?.Definition.Unit).OfType<string>().Distinct(StringComparer.Ordinal).ToList();
            if (units.Count > 1)
            {
                Add(use.Names[0], $"the budgets of a rule have one unit, not {string.Join(" and ", units)}");
            }
        }

        return budgets;
    }

    /// <summary>A rule's <c>require: { budget: … }</c>.</summary>
    public BudgetUseSource? Use(YamlNode? node)
    {
        if (Fields.Of(node, "'budget'", issues, "names", "amount", "hold") is not { } fields)
        {
            return null;
        }

        var items = fields.List("names", 1, MostNames, required: true);
        foreach (var other in items.Where(item => item is not YamlText))
        {
            Add(other, $"a budget's name is a text, not {other.Kind}");
        }

        var names = items.OfType<YamlText>().ToList();
        foreach (var twice in names.GroupBy(name => name.Text, StringComparer.Ordinal).SelectMany(same => same.Skip(1)))
        {
            Add(twice, $"the budget '{Fields.Shown(twice.Text)}' stands here twice");
        }

        var amount = fields.Text("amount", required: true);
        var hold = fields.Duration("hold", TimeSpan.FromSeconds(1), TimeSpan.FromHours(24)) ?? TimeSpan.FromMinutes(10);
        return amount is null || names.Count == 0 ? null : new BudgetUseSource(names, amount, hold);
    }

    private BudgetSource? Budget(YamlEntry entry)
    {
        var name = entry.Key.Text;
        if (!DocumentReader.IsName(name))
        {
            Add(entry.Key, "a budget's name is 1 to 64 of a-z, 0-9 and -, not - at its start");
        }

        if (Fields.Of(entry.Value, $"budget '{Fields.Shown(name)}'", issues, "unit", "cap", "key", "window", "alert") is not { } fields)
        {
            if (entry.Value is YamlText { IsNull: true })
            {
                Add(entry.Key, $"budget '{Fields.Shown(name)}' needs a unit, a cap and a window");
            }

            return null;
        }

        var unit = fields.Word("unit", UnitPattern(), UnitRule, required: true);
        var cap = Cap(fields.Node("cap", required: true), unit);
        var key = fields.Text("key");
        var window = Window(fields.Node("window", required: true));
        var alerts = Alerts(fields.List("alert", 0, 16));
        return unit is null || cap is null || window is null ? null
            : new BudgetSource(new BudgetDefinition(name, unit, cap.Value, key?.Text, window, alerts), key, entry.Key.Line, entry.Key.Column);
    }

    private long? Cap(YamlNode? node, string? unit)
    {
        if (node is null || unit is null)
        {
            return null;
        }

        if (node is YamlText { Form: YamlForm.Plain } text)
        {
            if (unit != BudgetAmounts.Usd && long.TryParse(text.Text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number <= BudgetAmounts.Most)
            {
                return number;
            }

            if (unit == BudgetAmounts.Usd && DollarPattern().IsMatch(text.Text) && decimal.TryParse(text.Text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var dollars)
                && BudgetAmounts.OfDollars(dollars) is { } micros)
            {
                return micros;
            }
        }

        Add(node, unit == BudgetAmounts.Usd
            ? "'cap' of usd is a number of dollars with at most 6 decimals, 0 to 9000000000" : "'cap' is a whole number, 0 to 9000000000000000");
        return null;
    }

    private BudgetWindow? Window(YamlNode? node)
    {
        switch (node)
        {
            case null:
                return null;
            case YamlText { Text: "lifetime" }:
                return BudgetWindow.Lifetime;
            case YamlMap:
                var fields = Fields.Of(node, "'window'", issues, "calendar", "tz", "rolling")!;
                if (fields.Node("calendar") is null == fields.Node("rolling") is null)
                {
                    break;
                }

                if (fields.Node("rolling") is not null)
                {
                    if (fields.Node("tz") is { } zone)
                    {
                        Add(zone, "'tz' belongs to 'calendar'");
                    }

                    return fields.Duration("rolling", TimeSpan.FromMinutes(1), TimeSpan.FromDays(31)) is { } span ? new BudgetWindow.Rolling(span) : null;
                }

                var period = fields.OneOf("calendar", BudgetWindow.Calendar.Periods);
                return Zone(fields) is { } tz && period is not null ? new BudgetWindow.Calendar(period, tz.Text, tz.Zone!) : null;
        }

        Add(node, "'window' is lifetime, { calendar: hour, day, week or month, tz: a time zone } or { rolling: a duration }");
        return null;
    }

    private CelZone? Zone(Fields window)
    {
        var text = window.Text("tz");
        if (text is null)
        {
            return window.Node("tz") is null ? new CelZone("UTC", TimeZoneInfo.Utc, TimeSpan.Zero) : null;
        }

        if (CelZone.Prepare(text.Text).Prepared is CelZone { Zone: not null } zone)
        {
            return zone;
        }

        Add(text, $"'{Fields.Shown(text.Text)}' is no IANA time zone; write one as Europe/Berlin");
        return null;
    }

    private List<int> Alerts(IReadOnlyList<YamlNode> nodes)
    {
        var alerts = new List<int>();
        foreach (var node in nodes)
        {
            if (node is YamlText text && int.TryParse(text.Text, NumberStyles.None, CultureInfo.InvariantCulture, out var percent) && percent is >= 1 and <= 100 && !alerts.Contains(percent))
            {
                alerts.Add(percent);
            }
            else
            {
                Add(node, "an alert is a percent of the cap, 1 to 100, each once");
            }
        }

        alerts.Sort();
        return alerts;
    }

    private void Add(YamlNode at, string message) => issues.Add(new PolicyIssue(at.Line, at.Column, message));

    [GeneratedRegex("^[a-z][a-z0-9_-]{0,31}\\z")]
    private static partial Regex UnitPattern();

    [GeneratedRegex("^[0-9]{1,10}(\\.[0-9]{1,6})?\\z")]
    private static partial Regex DollarPattern();
}
