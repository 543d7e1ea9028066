using Microsoft.Data.Sqlite;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Policies;

/// <summary>What an operator sees of a service whose policy cannot be used.</summary>
[Trait("Category", "Slow")]
public sealed class LifeOfAProcess
{
    [Fact]
    public async Task A_broken_policy_ends_the_start_with_one_sentence_and_an_exit_code()
    {
        await using var server = await MeshServer.StartAsync();
        using var put = new HttpRequestMessage(HttpMethod.Put, "/v1/policies/cap") { Content = new StringContent(LifeRig.Document(1)) };
        Assert.Equal(201, (await server.Http.AskAsync(put)).Status);
        using var activate = new HttpRequestMessage(HttpMethod.Post, "/v1/policies/cap/versions/1/activate");
        activate.Headers.TryAddWithoutValidation("If-Match", "*");
        Assert.Equal(200, (await server.Http.AskAsync(activate)).Status);
        await server.StopAsync();
        await using (var database = new SqliteConnection($"Data Source={Path.Combine(server.Folder, "protomesh.db")};Pooling=false"))
        {
            await database.OpenAsync();
            await using var command = database.CreateCommand();
            command.CommandText = "UPDATE policy_versions SET document = REPLACE(document, 'metadata.cost', 'metadata.prize')";
            Assert.Equal(1, await command.ExecuteNonQueryAsync());
        }

        await using var again = await MeshServer.TryAsync(server.Folder, []);
        Assert.Equal(1, await again.ExitAsync());
        var sentence = Assert.Single(again.Errors);
        Assert.StartsWith("protomesh: The active policy of namespace default, cap version 1, cannot be used: cap.yaml:7:21 ", sentence, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_decided_before_a_restart_decides_after_it_and_no_decision_is_lost()
    {
        await using var server = await MeshServer.StartAsync();
        using var put = new HttpRequestMessage(HttpMethod.Put, "/v1/policies/cap") { Content = new StringContent(LifeRig.Document(1)) };
        await server.Http.AskAsync(put);
        using var activate = new HttpRequestMessage(HttpMethod.Post, "/v1/policies/cap/versions/1/activate");
        activate.Headers.TryAddWithoutValidation("If-Match", "\"0\"");
        await server.Http.AskAsync(activate);
        for (var count = 0; count < 50; count++)
        {
            Assert.Equal("deny", (await server.PostAsync("/v1/policies/check", new { agent_id = "a", action = "spend", metadata = new { cost = 2 } })).String("decision"));
        }

        await server.StopAsync(); // at once, with decisions that are not written yet
        await server.RestartAsync();
        await server.IsReadyAsync();
        Assert.Equal("cap", (string?)(await server.GetAsync("/health")).Body["policy"]!["name"]);
        Assert.Equal("deny", (await server.PostAsync("/v1/policies/check?dry_run=true", new { agent_id = "b", action = "spend", metadata = new { cost = 2 } })).String("decision"));
        Assert.Equal(50, (await server.GetAsync("/v1/decisions?agent_id=a&limit=1000")).Body["decisions"]!.AsArray().Count);
    }
}
