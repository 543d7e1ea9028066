using ProtoMesh.Server.Cel;

namespace ProtoMesh.Tests.Cel;

/// <summary>An environment as a policy has it, and a set of facts for it.</summary>
internal static class CelRig
{
    private static readonly CelRecordType Agent = new("agent",
    [
        new("id", CelType.String, false), new("role", CelType.String, false), new("team", CelType.String, false), new("roles", CelType.ListOf(CelType.String), false),
    ]);

    private static readonly CelRecordType Window = new("window", [new("from", CelType.Int, true), new("name", CelType.String, false)]);

    private static readonly CelRecordType Metadata = new("metadata",
    [
        new("estimated_cost", CelType.Double, true), new("note", CelType.String, true), new("path", CelType.String, false),
        new("tags", CelType.ListOf(CelType.String), true), new("window", Window, true), new("windows", CelType.ListOf(Window), false), new("urgent", CelType.Bool, false),
    ]);

    private static readonly CelRecordType Request = new("request", [new("priority", CelType.Int, false)]);

    private static readonly CelVariable[] Variables =
    [
        new("agent", Agent), new("metadata", Metadata), new("request", Request), new("params", CelType.Map), new("now", CelType.Timestamp), new("any", CelType.Dyn),
    ];

    public static CelEnvironment Environment { get; } = new(Variables);

    /// <summary>Metadata has a cost, a path and tags, and neither a note nor a window.</summary>
    public static CelValue[] Facts(double cost = 500, string role = "junior") =>
    [
        CelValue.Record(new CelRecord(Agent, [CelValue.Of("a-1"), CelValue.Of(role), CelValue.Of("red"), Texts("user", "ops")])),
        CelValue.Record(new CelRecord(Metadata, [CelValue.Of(cost), default, CelValue.Of("/srv/data"), Texts("a", "b"), default, CelValue.List([]), CelValue.True])),
        CelValue.Record(new CelRecord(Request, [CelValue.Of(7)])),
        CelValue.Map(CelMap.Of(
            (CelValue.Of("limits"), CelValue.Map(CelMap.Of((CelValue.Of("junior"), CelValue.Of(100)), (CelValue.Of("senior"), CelValue.Of(1000)), (CelValue.Of("admin"), CelValue.Of(10_000))))),
            (CelValue.Of("team"), CelValue.Of("blue")),
            (CelValue.Of("prefix"), CelValue.Of("/srv/")))),
        CelValue.Of(new DateTimeOffset(2026, 7, 1, 16, 30, 0, TimeSpan.Zero)),
        CelValue.Of(3),
    ];

    public static CelProgram Compile(string source, CelType? expected = null) =>
        Environment.Compile(source, expected, out var issue) ?? throw new InvalidOperationException($"{issue} in: {source}");

    public static CelIssue Refused(string source, CelType? expected = null)
    {
        Assert.Null(Environment.Compile(source, expected, out var issue));
        return issue!;
    }

    public static CelValue Evaluate(string source)
    {
        var budget = CelBudget.ForDecision();
        return Compile(source).Evaluate(Facts(), ref budget);
    }

    private static CelValue Texts(params string[] texts) => CelValue.List([.. texts.Select(CelValue.Of)]);
}
