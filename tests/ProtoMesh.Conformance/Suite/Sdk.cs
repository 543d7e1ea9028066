namespace ProtoMesh.Conformance.Suite;

/// <summary>A client library and the program that replays scenarios with it.</summary>
/// <param name="Name">As on the command line.</param>
/// <param name="Title">As in the table.</param>
/// <param name="Program">Relative to the repository, or a name in PATH.</param>
/// <param name="Arguments">Relative to the repository.</param>
/// <param name="Needs">A file without which it cannot run.</param>
/// <param name="SetUp">What brings it.</param>
internal sealed record Sdk(string Name, string Title, string Program, IReadOnlyList<string> Arguments, string Needs, string SetUp)
{
    public static IReadOnlyList<Sdk> All { get; } =
    [
        new("dotnet", ".NET", "dotnet", [typeof(Sdk).Assembly.Location, "run"], typeof(Sdk).Assembly.Location, "dotnet build"),
        new("python", "Python", "sdk/python/.venv/bin/python", ["sdk/python/tests/conformance_runner.py"], "sdk/python/.venv/bin/python", "sdk/python/check"),
        new("typescript", "TypeScript", "node", ["sdk/typescript/build/test/conformance-runner.js"], "sdk/typescript/node_modules", "sdk/typescript/check"),
    ];

    public static Sdk Find(string name) => All.FirstOrDefault(sdk => sdk.Name == name) ?? throw new UsageException($"There is no SDK '{name}'. {SuiteOptions.Usage}");

    /// <summary>Why it cannot run; null when it can.</summary>
    public string? FindObstacle()
    {
        var missing = Arguments.Where(argument => argument.Contains('/', StringComparison.Ordinal)).Prepend(Needs)
            .FirstOrDefault(path => !Path.Exists(Path.Combine(Repository.Root, path)));
        return missing is null ? null : $"The {Title} SDK is not set up: {Path.GetRelativePath(Repository.Root, Path.Combine(Repository.Root, missing))} is missing. Run {SetUp}.";
    }

    public string ProgramPath => Program.Contains('/', StringComparison.Ordinal) ? Path.Combine(Repository.Root, Program) : Program;
}
