using System.Net;
using System.Net.Sockets;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Http;

/// <summary>What an operator reads when the service cannot start: one sentence on standard error, and an exit code.</summary>
[Trait("Category", "Slow")]
public sealed class StartTests
{
    public static TheoryData<string, string, string> Settings => new()
    {
        { "Locks:DefaultTtlMs", "5", "DefaultTtlMs" },
        { "Locks:DefaultTtlMs", "soon", "Locks:DefaultTtlMs" },
        { "Locks:MaxTtlMs", "999999999", "MaxTtlMs" },
        { "Locks:DefualtTtlMs", "5000", "DefualtTtlMs" },
        { "Locks:Durability", "perfect", "Durability" },
        { "Store:Partitions", "0", "Partitions" },
        { "Store:GroupBy", "colour", "GroupBy" },
        { "Store:DataFoldr", "/tmp/x", "DataFoldr" },
        { "Journal:RetentionDays", "-1", "RetentionDays" },
        { "Journal:RetentoinDays", "3", "RetentoinDays" },
        { "Policies:File", "/nowhere/policy.yaml", "/nowhere/policy.yaml" },
        { "Policies:RefreshMs", "10", "RefreshMs" },
        { "Policies:AllowSample", "1.5", "AllowSample" },
        { "Policies:DecisionRetentionDays", "0", "DecisionRetentionDays" },
        { "Auth:BootstrapKey", "pm_0123456789abcdef_0123_0", "Auth:BootstrapKey" },
        { "Auth:RefreshMs", "10", "RefreshMs" },
        { "Auth:Bootstrap", "x", "Bootstrap" },
        { "Http:CorsOrigins", "example.com", "Http:CorsOrigins" },
        { "ConnectionStrings:Database", "protomesh", "ConnectionStrings:Database" },
        { "ConnectionStrings:Database", "Host=;Prot=5", "ConnectionStrings:Database" },
        { "ConnectionStrings:Redis", "redis://localhost:6379", "ConnectionStrings:Redis" },
        { "ConnectionStrings:Redis", "localhost:6379,pasword=x", "ConnectionStrings:Redis" },
        { "ASPNETCORE_URLS", "localhost", "localhost" },
        { "ASPNETCORE_URLS", "http://127.0.0.1:99999", "ASPNETCORE_URLS" },
    };

    [Theory]
    [MemberData(nameof(Settings))]
    public async Task A_setting_that_cannot_be_used_stops_the_start_with_one_sentence_that_names_it(string name, string value, string named)
    {
        await using var server = await MeshServer.TryAsync(null, [], (name, value));
        await SaysAsync(server, 1, named);
    }

    [Theory]
    [InlineData(2, "--prot", "--prot", "8000")]
    [InlineData(2, "start", "start")]
    [InlineData(2, "keys", "keys")]
    [InlineData(2, "keys bootstrap", "keys", "burn")]
    [InlineData(2, "--urls", "--urls")]
    [InlineData(1, "MaxTtlMs", "--Locks:MaxTtlMs", "1")]
    public async Task An_argument_that_means_nothing_is_named(int exitCode, string named, params string[] arguments)
    {
        await using var server = await MeshServer.TryAsync(null, arguments);
        await SaysAsync(server, exitCode, named);
    }

    [Fact]
    public async Task An_occupied_port_is_named()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        await using var server = await MeshServer.TryAsync(null, [], ("ASPNETCORE_URLS", $"http://127.0.0.1:{port}"));
        await SaysAsync(server, 1, $"{port}");
    }

    [Fact]
    public async Task A_data_folder_that_is_a_file_is_named()
    {
        using var folder = new TempFolder("start");
        var file = Path.Combine(folder.Path, "taken");
        await File.WriteAllTextAsync(file, "x");
        await using var server = await MeshServer.TryAsync(file, []);
        await LogsAsync(server, file);
    }

    [Fact]
    public async Task A_second_process_on_one_folder_waits_until_the_first_has_ended()
    {
        await using var first = await MeshServer.StartAsync();
        await using var second = await MeshServer.TryAsync(first.Folder, []);
        await LogsAsync(second, first.Folder);
        Assert.Equal(200, (await first.PostAsync("/v1/locks", new { resource = "a/1", agent_id = "a" })).Status);
        await first.StopAsync();
        await second.IsReadyAsync();
        Assert.Equal(202, (await second.PostAsync("/v1/locks", new { resource = "a/1", agent_id = "b" })).Status);
    }

    [Fact]
    public async Task A_damaged_store_is_named_and_not_overwritten()
    {
        await using var server = await MeshServer.StartAsync();
        await server.PostAsync("/v1/locks", new { resource = "a/1", agent_id = "a" });
        await server.StopAsync();
        var files = Directory.GetFiles(Path.Combine(server.Folder, "store")).Where(file => new FileInfo(file).Length > 0).ToArray();
        Assert.NotEmpty(files);
        foreach (var file in files)
        {
            var bytes = await File.ReadAllBytesAsync(file);
            bytes.AsSpan(0, Math.Min(64, bytes.Length)).Fill(0xAA);
            await File.WriteAllBytesAsync(file, bytes);
        }

        var damaged = await Task.WhenAll(files.Select(file => File.ReadAllBytesAsync(file)));
        await using var again = await MeshServer.TryAsync(server.Folder, []);
        await LogsAsync(again, server.Folder);
        Assert.Equal(damaged, await Task.WhenAll(files.Select(file => File.ReadAllBytesAsync(file))));
    }

    [Fact]
    public async Task A_PostgreSQL_that_is_away_is_named_without_its_password()
    {
        var port = FreePort.Take(1)[0];
        await using var server = await MeshServer.TryAsync(null, [], ("ConnectionStrings:Database", $"Host=127.0.0.1;Port={port};Username=mesh;Password=secret"));
        await LogsAsync(server, $"127.0.0.1:{port}");
        Assert.DoesNotContain("secret", server.Log, StringComparison.Ordinal);
        Assert.Contains($"127.0.0.1:{port}", (await server.GetAsync("/health")).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Another_programs_SQLite_file_is_left_alone_and_the_log_says_so()
    {
        using var folder = new TempFolder("foreign");
        var file = Path.Combine(folder.Path, "other.db");
        await File.WriteAllTextAsync(file, "This is no database, and longer than a hundred bytes, so that nobody takes it for an empty one. Really not.");
        var before = await File.ReadAllBytesAsync(file);
        await using var server = await MeshServer.ListenAsync(("ConnectionStrings:Database", $"Data Source={file}"));
        await Eventually.HoldsAsync(() => server.Log.Contains("is not a SQLite database", StringComparison.Ordinal), "the log says so");
        var refused = await server.PostAsync("/v1/locks", new { resource = "a/1", agent_id = "a" });
        Refusals.IsProper(refused, "acquire without a database");
        Assert.Equal(503, refused.Status);
        Assert.Equal(before, await File.ReadAllBytesAsync(file));
    }

    /// <summary>It runs, says once why it cannot serve, and refuses calls in kind.</summary>
    private static async Task LogsAsync(MeshServer server, string named)
    {
        await server.ListensAsync();
        await Eventually.HoldsAsync(() => Complaints(server).Any(line => line.Contains(named, StringComparison.Ordinal)), $"the log names {named}");
        for (var attempt = 0; attempt < 10; attempt++)
        {
            var refused = await server.PostAsync("/v1/locks", new { resource = "a/1", agent_id = "a" });
            Refusals.IsProper(refused, "acquire");
            Assert.Equal(503, refused.Status);
            await Task.Delay(150);
        }

        Assert.True(Complaints(server).GroupBy(line => line).All(group => group.Count() == 1), $"Said more than once: {server.Log}");
        Assert.DoesNotContain("   at ProtoMesh", server.Log, StringComparison.Ordinal);
        Assert.False(server.HasExited);
    }

    private static IEnumerable<string> Complaints(MeshServer server) =>
        server.Log.Split('\n').Where(line => line.Contains("\"LogLevel\":\"Error\"", StringComparison.Ordinal));

    private static async Task SaysAsync(MeshServer server, int exitCode, string named)
    {
        var exit = await server.ExitAsync();
        Assert.True(exit == exitCode, $"It ended with {exit}: {server.Log}");
        Assert.True(server.Errors.Count == 1, $"More than one line, or none: {string.Join('\n', server.Errors)}");
        var sentence = server.Errors.Single();
        Assert.StartsWith("protomesh: ", sentence, StringComparison.Ordinal);
        Assert.Contains(named, sentence, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", sentence, StringComparison.Ordinal);
    }
}
