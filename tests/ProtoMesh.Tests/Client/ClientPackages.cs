using System.Runtime.CompilerServices;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Client;

/// <summary>
/// Both packages as they are published, in a folder that serves as the only feed, and empty projects that install them from
/// there. Their version is new each time, and what is restored goes to a folder of its own: nothing is found in a cache.
/// </summary>
public sealed class ClientPackages : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);
    private readonly TempFolder _folder = new("packages");

    public static string Root { get; } = Path.GetFullPath(Path.Combine(Here(), "..", "..", ".."));

    public string Version { get; } = $"0.1.0-test.{Guid.NewGuid():N}";

    public string Feed => Path.Combine(_folder.Path, "feed");

    public async Task InitializeAsync()
    {
        foreach (var project in new[] { "ProtoMesh.Client", "ProtoMesh.Client.AI" })
        {
            await DotnetAsync(
                _folder.Path, "pack", Path.Combine(Root, "sdk", "dotnet", project), "--nologo", "-v", "q", "-c", "Release", $"-p:Version={Version}",
                "--artifacts-path", Path.Combine(_folder.Path, "artifacts"), "-o", Feed);
        }
    }

    public Task DisposeAsync()
    {
        _folder.Dispose();
        return Task.CompletedTask;
    }

    /// <summary>An empty project with a package and a program.</summary>
    internal async Task<string> ProjectAsync(string package, string program)
    {
        var folder = Directory.CreateDirectory(Path.Combine(_folder.Path, $"project-{Guid.NewGuid():N}")).FullName;
        var cache = Environment.GetEnvironmentVariable("NUGET_PACKAGES")
            ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");
        // What the packages need is where the build of this repository has left it; nothing is asked of a network.
        await File.WriteAllTextAsync(Path.Combine(folder, "NuGet.config"), $"""
            <configuration>
              <packageSources><clear /><add key="feed" value="{Feed}" /></packageSources>
              <fallbackPackageFolders><clear /><add key="built" value="{cache}" /></fallbackPackageFolders>
              <config><add key="globalPackagesFolder" value="{Path.Combine(_folder.Path, "cache")}" /></config>
            </configuration>
            """);
        await File.WriteAllTextAsync(Path.Combine(folder, "Program.csproj"), $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <TargetFramework>net10.0</TargetFramework>
                <ImplicitUsings>enable</ImplicitUsings>
                <Nullable>enable</Nullable>
                <TreatWarningsAsErrors>true</TreatWarningsAsErrors>
              </PropertyGroup>
              <ItemGroup>
                <PackageReference Include="{package}" Version="{Version}" />
              </ItemGroup>
            </Project>
            """);
        await File.WriteAllTextAsync(Path.Combine(folder, "Program.cs"), program);
        return folder;
    }

    /// <summary>Runs a command of the SDK to its end.</summary>
    internal static async Task<string> DotnetAsync(string folder, params string[] arguments)
    {
        using var run = await ChildProcess.StartAsync("dotnet", arguments, folder, environment: Plain());
        Assert.True(await run.ExitAsync(Patience) == 0, run.Output);
        return run.Output;
    }

    /// <summary>Runs a program that talks to a service.</summary>
    internal static async Task<string> RunAsync(Uri url, string folder, string program, params string[] arguments)
    {
        var environment = Plain();
        environment["PROTOMESH_URL"] = url.ToString();
        using var run = await ChildProcess.StartAsync(program, arguments, folder, environment: environment);
        Assert.True(await run.ExitAsync(Patience) == 0, run.Output);
        return run.Output.Trim();
    }

    /// <summary>A build that is started by a test must not inherit what the build of the test left in its environment.</summary>
    private static Dictionary<string, string?> Plain() => new()
    {
        ["NUGET_PACKAGES"] = null,
        ["MSBUILDDISABLENODEREUSE"] = "1",
        ["DOTNET_CLI_USE_MSBUILD_SERVER"] = "0",
        ["DOTNET_NOLOGO"] = "1",
    };

    private static string Here([CallerFilePath] string here = "") => Path.GetDirectoryName(here)!;
}
