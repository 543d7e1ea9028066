using System.IO.Compression;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace ProtoMesh.Tests.Client;

/// <summary>What a user installs and reads: the packages, what their pages show, and the samples.</summary>
[Trait("Category", "Slow")]
public sealed partial class PackageTests(ClientPackages packages, LiveService service) : IClassFixture<ClientPackages>, IClassFixture<LiveService>
{
    private const string Database = """

        internal sealed class Database
        {
            public Task SaveAsync(string customer, long fencingToken, CancellationToken lost)
            {
                Console.WriteLine($"saved {customer} under {fencingToken}, lost: {lost.IsCancellationRequested}");
                return Task.CompletedTask;
            }
        }
        """;

    [Theory]
    [InlineData("ProtoMesh.Client", "Microsoft.Extensions.DependencyInjection.Abstractions")]
    [InlineData("ProtoMesh.Client.AI", "Microsoft.Extensions.AI.Abstractions ProtoMesh.Client")]
    public void A_package_needs_only_what_is_published(string package, string needs)
    {
        using var archive = ZipFile.OpenRead(Path.Combine(packages.Feed, $"{package}.{packages.Version}.nupkg"));
        using var manifest = archive.Entries.Single(entry => entry.Name == $"{package}.nuspec").Open();
        var fields = XDocument.Load(manifest).Root!.Elements().Single().Elements().ToDictionary(field => field.Name.LocalName);

        Assert.Equal(needs.Split(' '), fields["dependencies"].Descendants().Select(each => (string?)each.Attribute("id")).OfType<string>().Order());
        Assert.Equal(("README.md", "Apache-2.0"), (fields["readme"].Value, fields["license"].Value));
        Assert.Contains(archive.Entries, entry => entry.FullName == $"lib/net10.0/{package}.xml");
        Assert.Equal(package == "ProtoMesh.Client", archive.Entries.Any(entry => entry.FullName == "lib/net10.0/ProtoMesh.Contracts.dll"));
        Assert.True(File.Exists(Path.Combine(packages.Feed, $"{package}.{packages.Version}.snupkg")));
    }

    [Fact]
    public async Task The_page_of_the_client_is_a_program_that_runs_with_the_package()
    {
        var output = await RunPageAsync("ProtoMesh.Client", "");

        Assert.Matches(
            """
            ^mine, with token [0-9]{16}
            Cost \$500 exceeds limit \$100 for role user
            saved customer under [0-9]{16}, lost: False
            3700000 of 5000000 are left
            deploying, as approved in [0-9a-f-]{36}
            saved customer under [0-9]{16}, lost: False$
            """,
            output);
    }

    [Fact]
    public async Task The_page_of_the_tools_is_a_program_that_runs_with_the_package()
    {
        var output = await RunPageAsync("ProtoMesh.Client.AI", """await ((AIFunction)options.Tools[0]).InvokeAsync(new() { ["id"] = "123", ["address"] = customer });""");

        Assert.Matches(
            """
            ^Not done: refund\. Cost \$500 exceeds limit \$100 for role user\. It would be allowed with: metadata\.estimated_cost <= 100\. .*
            approved: True
            saved customer under [0-9]{16}, lost: False$
            """,
            output);
    }

    [Fact]
    public async Task A_program_can_be_trimmed_without_a_warning_and_still_talks_to_the_service()
    {
        const string Program = """
            using ProtoMesh;
            using ProtoMesh.AI;

            await using var mesh = new MeshClient();
            await using var guard = await mesh.GuardAsync("refund", "customer/trimmed", new() { Metadata = ActionMetadata.From(new Dictionary<string, object?> { ["estimated_cost"] = 5 }) });
            await using var lease = await mesh.AttachAsync(Ticket.Parse(guard.Lease!.Ticket().ToJson()));
            await using var denied = await mesh.GuardAsync("refund", options: new() { Metadata = new() { ["estimated_cost"] = 500 } });
            Console.WriteLine($"{(await mesh.HealthAsync()).Status}, {lease.IsHeld}, {denied.Denial!.Code}, {new ToolRule().Options.OnUnavailable}");
            """;
        var folder = await packages.ProjectAsync("ProtoMesh.Client.AI", Program);

        await ClientPackages.DotnetAsync(
            folder, "publish", "--nologo", "-v", "q", "--use-current-runtime", "--self-contained", "-o", "out",
            "-p:PublishTrimmed=true", "-p:TrimMode=full", "-p:TrimmerSingleWarn=false", "-p:JsonSerializerIsReflectionEnabledByDefault=false");
        var output = await ClientPackages.RunAsync(service.Url, folder, Path.Combine(folder, "out", "Program"));

        Assert.Equal("healthy, True, policy_denied, Closed", output);
    }

    [Theory]
    [InlineData("basic", """
        anna holds customer/basic, and renews by itself for as long as it takes
        saved, with a token that a store can compare
        bert finds it held
        bert holds it now, after anna: invoice 7 is half paid
        its token is higher: True
        """)]
    [InlineData("queue", """
        urgent is number 1: a long print is in the way
        impatient gave up
        urgent prints
        normal prints
        """)]
    [InlineData("policy", """
        deny: Cost $500 exceeds limit $100 for role user
        it would be allowed with metadata.estimated_cost <= 100
        Not done: refund. Cost $500 exceeds limit $100 for role user. It would be allowed with: metadata.estimated_cost <= 100. Read the reasons; each says what would change the answer.
        paid $100
        starter decides, in version 1
        """)]
    [InlineData("walkthrough", """
        the service is healthy
        writer writes, decided by starter
        taken up, still writer's and held: True
        cut off: Stop writing, send a new request, and look at the resource before you go on.
        whoever awaits Lost knows: True
        on record: lock.granted, lock.force_released
        """)]
    public async Task A_sample_does_what_it_says(string sample, string says)
    {
        var folder = Path.Combine(ClientPackages.Root, "sdk", "dotnet", "samples");

        Assert.Equal(says, await ClientPackages.RunAsync(service.Url, folder, "dotnet", "run", $"{sample}.cs"));
    }

    /// <summary>All C# of a page, from its top to its end, after the three names that it takes for granted.</summary>
    private async Task<string> RunPageAsync(string package, string end)
    {
        var page = await File.ReadAllTextAsync(Path.Combine(ClientPackages.Root, "sdk", "dotnet", package, "README.md"));
        var lines = CodePattern().Matches(page).SelectMany(block => block.Groups["text"].Value.Split('\n')).ToLookup(line => UsingPattern().IsMatch(line));
        var program = $"""
            {string.Join('\n', lines[true])}
            var (db, customer, ct) = (new Database(), "customer", CancellationToken.None);
            {string.Join('\n', lines[false])}
            {end}
            {Database}
            """;
        var folder = await packages.ProjectAsync(package, program);
        return await ClientPackages.RunAsync(service.Url, folder, "dotnet", "run");
    }

    [GeneratedRegex("^```csharp\n(?<text>.*?)^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex CodePattern();

    [GeneratedRegex("^using [A-Za-z.]+;")]
    private static partial Regex UsingPattern();
}
