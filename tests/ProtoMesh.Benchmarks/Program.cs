using System.Globalization;
using ProtoMesh.Benchmarks;
using ProtoMesh.Contracts.Locks;
using ProtoMesh.Contracts.Policies;
using ProtoMesh.Server.Http;

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
if (args is ["--echo", var port])
{
    var builder = WebApplication.CreateSlimBuilder();
    builder.Logging.ClearProviders();
    builder.WebHost.UseUrls($"http://127.0.0.1:{port}");
    builder.AddHttp();
    var app = builder.Build();
    app.UseHttp();
    app.MapGet("/ready", () => TypedResults.Ok());
    app.MapPost("/echo", (AcquireLock body) => TypedResults.Ok(body));
    app.MapPost("/echo-check", (CheckPolicy body) => TypedResults.Ok(body));
    await app.RunAsync();
    return 0;
}

var quick = args.Contains("--quick");
var wanted = args.Where(argument => !argument.StartsWith('-')).ToArray();
var (rounds, time) = quick ? (1, TimeSpan.FromSeconds(1)) : (3, TimeSpan.FromSeconds(3));
var cases = new (string Name, string Title, Func<Task<string>> Run)[]
{
    ("http", "Requests over HTTP", () => Cases.HttpAsync(rounds, time)),
    ("policies", "Policies", () => PolicyCases.RunAsync(rounds, time)),
    ("budgets", "Budgets", () => BudgetCases.RunAsync(rounds, time)),
    ("sdk", "The .NET client", () => SdkCase.RunAsync(rounds, time)),
    ("keys", "Keys", () => KeyCases.RunAsync(rounds, time)),
    ("handoff", "Hand-off on one hot resource", () => Cases.HandoffAsync(rounds)),
    ("conditions", "Policy conditions", () => Conditions.RunAsync(rounds, time)),
    ("memory", "Memory", () => Cases.MemoryAsync(quick ? 5_000 : 100_000)),
    ("start", "Start", () => Cases.StartAsync(quick ? 1 : 5)),
};
if (wanted.FirstOrDefault(name => cases.All(each => each.Name != name)) is { } unknown)
{
    Console.Error.WriteLine($"There is no case '{unknown}'. Cases: {string.Join(", ", cases.Select(each => each.Name))}. Options: --quick.");
    return 2;
}

Console.WriteLine($"""
    # Benchmarks

    `dotnet run -c Release --project tests/ProtoMesh.Benchmarks{(args.Length > 0 ? " -- " + string.Join(' ', args) : "")}` on {Environment.ProcessorCount} cores
    ({Machine.Cpu()}), .NET {Environment.Version}, {Machine.Redis()}, {DateTime.UtcNow:yyyy-MM-dd}. Server, store and load generator share these cores.
    Figures of one table come from one run, interleaved, medians of {rounds} round(s); compare them with each other, not with other machines.

    """);
foreach (var each in cases.Where(each => wanted.Length == 0 || wanted.Contains(each.Name)))
{
    Console.WriteLine($"## {each.Title}\n\n{await each.Run()}\n");
}

return 0;
