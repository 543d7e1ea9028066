using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Tidy;

/// <summary>What README.md shows is what happens: its fenced blocks are taken from the file and run.</summary>
/// <remarks>The service listens on a free port instead of 8000, and what is built already is not built again; nothing else is changed.</remarks>
[Trait("Category", "Slow")]
public sealed partial class ReadmeTests
{
    private static readonly string Root = Path.GetFullPath(Path.Combine(Here(), "..", "..", ".."));

    [Fact]
    public async Task The_first_minute_is_as_it_is_shown()
    {
        var shell = Blocks("README.md", "sh");
        using var folder = new TempFolder("readme");
        var url = $"http://localhost:{FreePort.Take(1)[0]}";
        Assert.StartsWith("dotnet run --project src/ProtoMesh.Server", shell[0], StringComparison.Ordinal);
        using var service = await ShellAsync(shell[0], ("ASPNETCORE_URLS", url), ("Store__DataFolder", folder.Path));
        try
        {
            await Eventually.HoldsAsync(() => service.HasExited || service.Output.Contains("store is open with", StringComparison.Ordinal), "the service is open", TimeSpan.FromSeconds(60));
            foreach (var (block, shown) in shell.Skip(1).Zip(Blocks("README.md", "json")))
            {
                var script = block.Replace("localhost:8000", url["http://".Length..], StringComparison.Ordinal).Replace("'\ncurl", "'; echo; curl", StringComparison.Ordinal);
                using var calls = await ShellAsync("set -e\n" + script);
                Assert.True(await calls.ExitAsync(TimeSpan.FromSeconds(60)) == 0, $"{calls.Output}\n{service.Output}");
                var answers = calls.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
                Assert.Equal(shown.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(Shape), answers.Select(Shape));
            }
        }
        finally
        {
            service.KillFamily();
        }
    }

    [Fact]
    public async Task A_policy_is_kept_and_activated_as_it_is_shown()
    {
        const string Page = "src/ProtoMesh.Server/Policies/README.md";
        await using var server = await MeshServer.ListenAsync();
        using var folder = new TempFolder("policy");
        await File.WriteAllTextAsync(Path.Combine(folder.Path, "prod-guard.yaml"), Blocks(Page, "yaml")[0]);
        var script = Blocks(Page, "sh")[0].Replace("localhost:8000", server.Url.Authority, StringComparison.Ordinal).Replace("\ncurl", "; echo; curl", StringComparison.Ordinal);
        using var calls = await ShellAsync($"set -e; cd {folder.Path}\n{script}");
        Assert.True(await calls.ExitAsync(TimeSpan.FromSeconds(60)) == 0, calls.Output);
        var answers = calls.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonNode.Parse(line)!).ToList();
        Assert.True((bool)answers[0]["valid"]!, calls.Output);
        Assert.Equal((1, 1L), ((int)answers[1]["version"]!, (long)answers[2]["revision"]!));
        var check = await server.PostAsync("/v1/policies/check", """{"agent_id":"a","action":"spend","metadata":{"estimated_cost":101,"agent_role":"junior"}}""");
        Assert.Equal(("deny", "prod-guard"), (check.String("decision"), (string)check.Body["policy"]!["name"]!));
    }

    [Fact]
    public async Task The_lock_in_C_sharp_compiles_and_runs()
    {
        await using var server = await MeshServer.ListenAsync();
        using var folder = new TempFolder("snippet");
        await File.WriteAllTextAsync(Path.Combine(folder.Path, "Program.cs"), Blocks("README.md", "csharp")[0]);
        await File.WriteAllTextAsync(Path.Combine(folder.Path, "Snippet.csproj"), $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <TargetFramework>net10.0</TargetFramework>
                <ImplicitUsings>enable</ImplicitUsings>
                <Nullable>enable</Nullable>
              </PropertyGroup>
              <ItemGroup>
                <Reference Include="{AppContext.BaseDirectory}ProtoMesh.Client.dll" />
                <Reference Include="{AppContext.BaseDirectory}ProtoMesh.Contracts.dll" />
                <Reference Include="{AppContext.BaseDirectory}Microsoft.Extensions.DependencyInjection.Abstractions.dll" Condition="Exists('{AppContext.BaseDirectory}Microsoft.Extensions.DependencyInjection.Abstractions.dll')" />
              </ItemGroup>
            </Project>
            """);
        using var run = await ChildProcess.StartAsync("dotnet", ["run"], folder.Path, environment: new Dictionary<string, string?>
        {
            ["PROTOMESH_URL"] = server.Url.ToString(), ["PROTOMESH_AGENT_ID"] = $"reader-of-{Path.GetFileName(folder.Path)}",
        });
        Assert.True(await run.ExitAsync(TimeSpan.FromMinutes(2)) == 0, run.Output);
        Assert.Matches("^mine, with token [0-9]{16}$", run.Output.Trim());
        await Eventually.HoldsAsync(
            async () => (await server.GetAsync($"/v1/events?agent_id=reader-of-{Path.GetFileName(folder.Path)}&last_event_id=0")).Body["events"]!.AsArray()
                .Select(each => (string)each!["type"]!).SequenceEqual(["lock.granted", "lock.released"]),
            "the lease was granted and given back");
    }

    [Fact]
    public void The_demo_is_the_one_that_the_suite_runs()
    {
        Assert.Equal("dotnet run --project demo-agents", Blocks("README.md", "sh")[3].Trim());
        Assert.Contains("dotnet run --no-build --project demo-agents", File.ReadAllText(Path.Combine(Root, "test")), StringComparison.Ordinal);
    }

    /// <summary>The names of an answer's fields, and the values of those that do not change from run to run.</summary>
    private static string Shape(string json)
    {
        var fields = JsonNode.Parse(json)!.AsObject();
        return string.Join(' ', fields.Select(field =>
            field.Key is "state" or "resource" or "mode" or "agent_id" or "priority" or "position" or "queue_length" or "namespace" or "decision" or "allowed" or "reason" ? $"{field.Key}={field.Value}" : field.Key));
    }

    private static async Task<ChildProcess> ShellAsync(string script, params (string Name, string Value)[] environment) => await ChildProcess.StartAsync(
        "bash", ["-c", script.Replace("dotnet run ", "exec dotnet run --no-build ", StringComparison.Ordinal)], Root,
        environment: environment.ToDictionary(pair => pair.Name, pair => (string?)pair.Value));

    private static List<string> Blocks(string file, string language) =>
        [.. BlockPattern().Matches(File.ReadAllText(Path.Combine(Root, file))).Where(block => block.Groups["language"].Value == language).Select(block => block.Groups["text"].Value)];

    private static string Here([CallerFilePath] string here = "") => Path.GetDirectoryName(here)!;

    [GeneratedRegex("^```(?<language>[a-z]+)\n(?<text>.*?)^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex BlockPattern();
}
