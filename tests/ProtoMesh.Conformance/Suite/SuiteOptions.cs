using ProtoMesh.Conformance.Scenarios;

namespace ProtoMesh.Conformance.Suite;

/// <summary>The command line of the suite.</summary>
internal sealed record SuiteOptions
{
    public const string Usage =
        "usage: ProtoMesh.Conformance [--sdk dotnet|python|typescript] [--store embedded|redis] [--only TEXT] [--quick] [--mutate] [--parity FILE [--update]]";

    public IReadOnlyList<Sdk> Sdks { get; init; } = Sdk.All;

    public IReadOnlyList<string> Stores { get; init; } = Conformance.Stores.All;

    /// <summary>A part of a scenario's id.</summary>
    public string? Only { get; init; }

    /// <summary>The embedded store, and no scenario that is slow.</summary>
    public bool Quick { get; init; }

    /// <summary>Turns each expectation around and looks which of them nobody notices.</summary>
    public bool Mutate { get; init; }

    /// <summary>The Markdown file with the table of what every SDK can do.</summary>
    public string? Parity { get; init; }

    /// <summary>Writes the table instead of comparing it.</summary>
    public bool Update { get; init; }

    /// <exception cref="UsageException">An argument means nothing.</exception>
    public static SuiteOptions Read(string[] args)
    {
        var options = new SuiteOptions();
        for (var index = 0; index < args.Length; index++)
        {
            string Value() => ++index < args.Length ? args[index] : throw new UsageException($"{args[index - 1]} needs a value. {Usage}");
            options = args[index] switch
            {
                "--sdk" => options with { Sdks = [Sdk.Find(Value())] },
                "--store" => options with { Stores = [StoreOf(Value())] },
                "--only" => options with { Only = Value() },
                "--quick" => options with { Quick = true, Stores = [Conformance.Stores.Embedded] },
                "--mutate" => options with { Mutate = true },
                "--parity" => options with { Parity = Value() },
                "--update" => options with { Update = true },
                var unknown => throw new UsageException($"There is no argument '{unknown}'. {Usage}"),
            };
        }

        return options;
    }

    /// <summary>The scenarios that these options ask for.</summary>
    public IReadOnlyList<Scenario> Choose(IEnumerable<Scenario> all) =>
        [.. all.Where(scenario => (Only is null || scenario.Id.Contains(Only, StringComparison.OrdinalIgnoreCase)) && !(Quick && scenario.IsSlow))];

    private static string StoreOf(string name) =>
        Conformance.Stores.All.Contains(name) ? name : throw new UsageException($"There is no store '{name}'. {Usage}");
}
