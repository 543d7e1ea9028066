namespace ProtoMesh.Server.Policies.Documents;

/// <summary>A policy document as it was written: its parts are of the right kinds, its expressions are not compiled yet.</summary>
internal sealed record PolicyDocument
{
    public required string Name { get; init; }

    public string DefaultEffect { get; init; } = "deny";

    /// <summary>True when nothing of the document is enforced, except rules that say so themselves.</summary>
    public bool IsAudit { get; init; }

    public required IReadOnlyList<YamlEntry> Params { get; init; }

    public required IReadOnlyList<MetadataField> Metadata { get; init; }

    public required IReadOnlyList<RuleSource> Rules { get; init; }

    public required IReadOnlyList<TestSource> Tests { get; init; }

    public IReadOnlyList<BudgetSource> Budgets { get; init; } = [];
}

/// <summary>A field of the metadata that rules may read.</summary>
internal sealed record MetadataField
{
    public required string Name { get; init; }

    /// <summary><c>number</c>, <c>int</c>, <c>string</c>, <c>bool</c>, <c>list</c> or <c>map</c>.</summary>
    public required string Type { get; init; }

    public bool IsRequired { get; init; }

    /// <summary>What a rule reads when the caller sends nothing.</summary>
    public YamlText? Default { get; init; }

    public double? Min { get; init; }

    public double? Max { get; init; }

    /// <summary>Of a string in UTF-16 units, of a list or map in entries.</summary>
    public int MaxLength { get; init; } = 1_024;

    /// <summary>The only strings allowed; empty for any.</summary>
    public IReadOnlyList<string> OneOf { get; init; } = [];
}

internal sealed record RuleSource
{
    public required string Id { get; init; }

    public required IReadOnlyList<YamlText> Actions { get; init; }

    public YamlText? When { get; init; }

    /// <summary><c>deny</c>, <c>require_approval</c> or <c>allow</c>; null for a rule that requires something.</summary>
    public string? Effect { get; init; }

    public string? Code { get; init; }

    public YamlText? Message { get; init; }

    public bool? IsAudit { get; init; }

    public LockSource? Lock { get; init; }

    public RateSource? Rate { get; init; }

    public BudgetUseSource? Budget { get; init; }

    public ApproversSource? Approvers { get; init; }

    public required int Line { get; init; }

    public required int Column { get; init; }
}

internal sealed record LockSource(YamlText Resource, string Mode, long MinRemainingMs);

internal sealed record RateSource(YamlText Key, int Limit, TimeSpan Window);

internal sealed record ApproversSource(string Group, int Quorum, TimeSpan Expires);

/// <summary>An example that the document has to decide as it says.</summary>
internal sealed record TestSource(string Name, YamlMap Given, string Decision, IReadOnlyList<string>? Rules, int Line, int Column);
