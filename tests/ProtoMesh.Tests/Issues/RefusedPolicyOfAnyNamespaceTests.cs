using Microsoft.Data.Sqlite;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Issues;

/// <summary>A replica told in /health of a policy that it cannot load only when it was that of the namespace default.</summary>
public sealed class RefusedPolicyOfAnyNamespaceTests
{
    [Fact, Trait("Category", "Slow")]
    public async Task Health_tells_of_a_policy_that_cannot_be_loaded_in_any_namespace_and_the_service_goes_on()
    {
        await using var server = await MeshServer.StartAsync();
        Assert.Equal("ok", await StateAsync(server));
        await using (var database = new SqliteConnection($"Data Source={Path.Combine(server.Folder, "protomesh.db")};Pooling=False"))
        {
            // What a newer version of the service may have stored and activated.
            await database.OpenAsync();
            await using var command = database.CreateCommand();
            command.CommandText = """
                INSERT INTO policy_versions (namespace, name, version, sha256, created_at, document) VALUES ('team-b', 'newer', 1, 'x', '2026-01-01 00:00:00', 'apiVersion: protomesh.dev/policy/v9');
                INSERT INTO policy_activations (namespace, revision, name, version, sha256, at) VALUES ('team-b', 1, 'newer', 1, 'x', '2026-01-01 00:00:00');
                """;
            await command.ExecuteNonQueryAsync();
        }

        await Eventually.HoldsAsync(async () => (await StateAsync(server)).Contains("team-b, newer version 1", StringComparison.Ordinal), "/health tells");
        Assert.Equal(200, (await server.GetAsync("/health/ready")).Status);
    }

    private static async Task<string> StateAsync(MeshServer server) => (string)(await server.GetAsync("/health")).Body["policy"]!["state"]!;
}
