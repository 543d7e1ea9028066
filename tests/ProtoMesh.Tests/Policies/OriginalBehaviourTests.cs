using System.Text.Json.Nodes;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Policies;

/// <summary>The first version's check, call by call: what it allowed, what it denied, and in which words.</summary>
public sealed class OriginalBehaviourTests
{
    private const string Passed = "All policies passed";

    public static TheoryData<string, bool, string> Calls => new()
    {
        { "{}", true, Passed },
        { """{"estimated_cost":0}""", true, Passed },
        { """{"estimated_cost":100}""", true, Passed },
        { """{"estimated_cost":100.01}""", false, "Cost $100.01 exceeds limit $100 for role user" },
        { """{"estimated_cost":101,"agent_role":"junior"}""", false, "Cost $101 exceeds limit $100 for role junior" },
        { """{"estimated_cost":1000,"agent_role":"senior"}""", true, Passed },
        { """{"estimated_cost":1001,"agent_role":"senior"}""", false, "Cost $1001 exceeds limit $1000 for role senior" },
        { """{"estimated_cost":10000,"agent_role":"admin"}""", true, Passed },
        { """{"estimated_cost":10001,"agent_role":"admin"}""", false, "Cost $10001 exceeds limit $10000 for role admin" },
        { """{"estimated_cost":500,"agent_role":"made-up"}""", false, "Cost $500 exceeds limit $100 for role made-up" },
        { """{"agent_team":"red"}""", false, "Agent team 'red' cannot access resource from team 'default'" },
        { """{"resource_team":"red"}""", false, "Agent team 'default' cannot access resource from team 'red'" },
        { """{"agent_team":"red","resource_team":"red"}""", true, Passed },
        { """{"agent_team":"red","resource_team":"blue"}""", false, "Agent team 'red' cannot access resource from team 'blue'" },
        { """{"agent_team":"admin","resource_team":"blue"}""", true, Passed },
        { """{"agent_team":"red","agent_role":"admin","resource_team":"blue"}""", false, "Agent team 'red' cannot access resource from team 'blue'" },
        { """{"estimated_cost":500,"agent_team":"red","resource_team":"blue"}""", false, "Cost $500 exceeds limit $100 for role user" },
        { """{"estimated_cost":5,"anything":{"else":[1,2]}}""", true, Passed },
    };

    [Theory]
    [MemberData(nameof(Calls))]
    public async Task A_check_answers_as_the_first_version_did(string metadata, bool allowed, string reason)
    {
        var server = await MeshServers.GetAsync(MeshServers.Embedded);
        var answer = await server.PostAsync("/v1/policies/check", JsonNode.Parse($$"""{"agent_id":"a","action":"any.action","metadata":{{metadata}}}""")!.AsObject());
        Assert.Equal((200, allowed, reason), (answer.Status, (bool)answer.Body["allowed"]!, answer.String("reason")));
    }
}
