using System.Text.Json.Nodes;
using ProtoMesh.Server.Policies;
using ProtoMesh.Tests.Http;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Issues;

/// <summary>
/// An answer that repeats metadata is deeper than the request that had it: answers to checks, batches, dry runs of leases and
/// the decision log failed with 500 where the request was still taken, and the limit of 12 levels was told but not kept.
/// </summary>
public sealed class DeepMetadataTests
{
    private const string Document = """
        apiVersion: protomesh.dev/policy/v1
        name: deep
        metadata: { tree: { type: map } }
        rules:
          - { id: no-trees, actions: ["*"], when: "size(metadata.tree) > 0", effect: deny }
        """;

    [Fact]
    public async Task Metadata_as_deep_as_it_may_be_comes_back_in_every_answer_and_deeper_one_is_refused_by_its_name()
    {
        await using var server = await MeshServer.StartAsync();
        Assert.Equal(201, (await server.Http.AskAsync(HttpMethod.Put, "/v1/policies/deep", Document)).Status);
        using (var activate = new HttpRequestMessage(HttpMethod.Post, "/v1/policies/deep/versions/1/activate"))
        {
            activate.Headers.TryAddWithoutValidation("If-Match", "*");
            Assert.Equal(200, (await server.Http.AskAsync(activate)).Status);
        }

        for (var levels = 2; levels <= PolicyMetadata.MostLevels + 3; levels++)
        {
            JsonObject Check() => new() { ["agent_id"] = "a", ["action"] = "read", ["metadata"] = Nested(levels) };
            var check = await server.PostAsync("/v1/policies/check", Check());
            var batch = await server.PostAsync("/v1/policies/check-batch", new JsonObject { ["checks"] = new JsonArray(Check()) });
            var lease = Check();
            lease["resource"] = "deep/1";
            var dryRun = await server.PostAsync("/v1/locks?dry_run=true", lease);
            if (levels > PolicyMetadata.MostLevels)
            {
                Refusals.Names(check, "metadata", $"{levels} levels");
                Assert.Equal("validation_failed", (string)batch.Body["results"]![0]!["problem"]!["code"]!);
                Refusals.Names(dryRun, "metadata", $"{levels} levels");
                continue;
            }

            var tree = check.Body["reasons"]![0]!["values"]!["metadata.tree"]!.ToJsonString();
            Assert.Equal(levels - 1, tree.Count(letter => letter == '{'));
            Assert.Equal(tree, batch.Body["results"]![0]!["decision"]!["reasons"]![0]!["values"]!["metadata.tree"]!.ToJsonString());
            Assert.True(dryRun.Status == 200, dryRun.ToString());
            var id = check.String("decision_id");
            HttpAnswer? recorded = null;
            await Eventually.HoldsAsync(async () => (recorded = await server.GetAsync($"/v1/decisions/{id}")).Status != 404, "the decision is written down");
            Assert.True(recorded!.Status == 200, recorded.ToString());
            Assert.Contains(tree, recorded.Body["inputs"]!.ToJsonString(), StringComparison.Ordinal);
        }
    }

    /// <summary>Metadata of so many levels, itself the first.</summary>
    private static JsonObject Nested(int levels)
    {
        var inner = new JsonObject();
        for (var level = 2; level < levels; level++)
        {
            inner = new JsonObject { ["x"] = inner };
        }

        // An empty map has no size, so the innermost of the smallest has a field too.
        return new JsonObject { ["tree"] = levels == 2 ? new JsonObject { ["x"] = 1 } : inner };
    }
}
