using Microsoft.Extensions.Options;
using ProtoMesh.Contracts.Locks;
using ProtoMesh.Server.Access;
using ProtoMesh.Server.Locks;
using ProtoMesh.Server.Policies;
using ProtoMesh.Server.Store;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Policies;

/// <summary>A request for a lease and what a policy requires for it are one step of the store, where they share a partition.</summary>
public sealed class OneStepTests
{
    private const string Paced = "  - { id: pace, actions: [a], require: { rate: { key: \"'all'\", limit: 2, window: 1h } } }\n  - { id: yes, actions: [a], effect: allow }";

    [Theory]
    [ClassData(typeof(StoreBackends))]
    public async Task A_request_that_is_granted_or_queued_takes_and_one_that_is_refused_its_place_does_not(string backend)
    {
        await using var desk = await PolicyDesk.OpenAsync(backend, Documents.With(Paced));
        var resource = Near(desk);

        var (granted, first) = await SubmitAsync(desk, resource, "request-1", wait: 0);
        Assert.Equal(("state", LockState.Granted, 1), (granted!.Tag, granted.Record!.State, first.Decision.Obligations!.Rate![0].Remaining));
        Assert.Equal("held", (await SubmitAsync(desk, resource, "request-2", wait: 0)).Reply!.Tag);

        // The refused one took nothing, so there is a place for this one.
        var (queued, third) = await SubmitAsync(desk, resource, "request-3", wait: 60_000);
        Assert.Equal(("state", LockState.Queued, 0), (queued!.Tag, queued.Record!.State, third.Decision.Obligations!.Rate![0].Remaining));

        // And the decision rides in what was submitted.
        Assert.Equal(third.Decision.DecisionId, queued.Record.Payload!.Decision!.DecisionId);
    }

    [Theory]
    [ClassData(typeof(StoreBackends))]
    public async Task What_a_policy_refuses_leaves_no_request_and_a_repetition_takes_nothing_again(string backend)
    {
        await using var desk = await PolicyDesk.OpenAsync(backend, Documents.With(Paced));
        var (resource, other, third) = (Near(desk), Near(desk), Near(desk));
        for (var repeat = 0; repeat < 3; repeat++)
        {
            var (known, answer) = await SubmitAsync(desk, resource, "request-1", wait: 0);
            Assert.Equal((LockState.Granted, 1), (known!.Record!.State, answer.Decision.Obligations!.Rate![0].Remaining));
        }

        Assert.NotNull((await SubmitAsync(desk, other, "request-2", wait: 0)).Reply);
        var (none, refused) = await SubmitAsync(desk, third, "request-3", wait: 0);
        Assert.Equal((null, false, "rate"), (none, refused.Decision.Allowed, refused.Decision.Reasons[0].Effect));
        Assert.Null((await Locks(desk).ReadAsync(new LockId("request-3", third.Partition(desk.Store.Scripts.Partitions, "resource")), 0, CancellationToken.None)).Reply.Record);
    }

    [Fact]
    public async Task What_lies_in_another_partition_is_left_to_two_steps()
    {
        await using var desk = await PolicyDesk.OpenAsync(StoreBackends.Cluster, Documents.With(Paced));
        var away = Resources(desk).First(name => !IsNear(desk, name));

        Assert.Null((await SubmitAsync(desk, away, "request-1", wait: 0)).Reply);
        Assert.NotNull((await SubmitAsync(desk, Near(desk), "request-2", wait: 0)).Reply);
    }

    private static LockScripts Locks(PolicyDesk desk) => new(desk.Store.Scripts, Options.Create(new LockOptions()), new NamespaceBook());

    private static async Task<(RequestReply? Reply, PolicyAnswer Answer)> SubmitAsync(PolicyDesk desk, ResourceName resource, string id, long wait)
    {
        var request = new LockRequest
        {
            RequestId = id, Wants = [new Want("exclusive", 1, 1, resource)], AgentId = "agent-1", Priority = 5, TtlMs = 60_000, WaitMs = wait, MaxHoldMs = 3_600_000, Payload = new LockPayload { Action = "a" },
        };
        var step = new LockStep(Locks(desk), request, resource.Partition(desk.Store.Scripts.Partitions, "resource"));
        var answer = await desk.AskAsync(desk.Question("a", resource.Short, id: id) with { Step = step });
        return (step.Submitted, answer);
    }

    /// <summary>A resource in the partition of its namespace's rates.</summary>
    private static ResourceName Near(PolicyDesk desk) => Resources(desk).First(name => IsNear(desk, name));

    private static bool IsNear(PolicyDesk desk, ResourceName name) => desk.Scripts.AreIn(
        name.Partition(desk.Store.Scripts.Partitions, "resource"), "default", [new Obligation.Rate(desk.Set.Rules[0], "any")]);

    private static IEnumerable<ResourceName> Resources(PolicyDesk desk) => Enumerable.Range(0, 10_000).Select(_ => new ResourceName("default", "t", Guid.NewGuid().ToString("N")));
}
