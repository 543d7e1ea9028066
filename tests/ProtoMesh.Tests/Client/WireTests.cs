using System.Text.Json;
using System.Text.Json.Nodes;
using ProtoMesh.Contracts;
using ProtoMesh.Contracts.Locks;

namespace ProtoMesh.Tests.Client;

public sealed class WireTests
{
    private static readonly DateTimeOffset At = new(2026, 11, 21, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void A_grant_is_written_as_documented()
    {
        var granted = new GrantedLock
        {
            LockId = "0198c.0",
            RequestId = "0198c",
            Namespace = "default",
            Resource = "customer/123",
            Mode = LockMode.Exclusive,
            AgentId = "a",
            Priority = 5,
            FencingToken = 1763712000123456,
            GrantedAt = At,
            ExpiresAt = At.AddSeconds(30),
            ExpiresInMs = 30000,
            ServedMs = 0,
            HoldEndsAt = At.AddHours(1),
            WaitedMs = 0,
            ChangedSinceLastHeld = null,
            Previous = new PreviousHold { AgentId = "b", Ended = LockState.Expired, EndedAt = At },
        };
        Same(
            """
            {"lock_id":"0198c.0","request_id":"0198c","state":"granted","namespace":"default","resource":"customer/123",
             "mode":"exclusive","agent_id":"a","priority":5,"fencing_token":1763712000123456,
             "granted_at":"2026-11-21T12:00:00+00:00","expires_at":"2026-11-21T12:00:30+00:00","expires_in_ms":30000,
             "served_ms":0,"hold_ends_at":"2026-11-21T13:00:00+00:00","waited_ms":0,"changed_since_last_held":null,
             "previous":{"agent_id":"b","ended":"expired","note":null,"ended_at":"2026-11-21T12:00:00+00:00"}}
            """,
            JsonSerializer.Serialize(granted, LocksJson.Default.GrantedLock));
    }

    [Fact]
    public void A_grant_of_several_resources_has_a_null_resource_and_a_list()
    {
        var granted = Answers.Granted() with
        {
            Resource = null,
            Mode = null,
            Resources =
            [
                new LockedResource { Resource = "a/1", Mode = LockMode.Exclusive },
                new LockedResource { Resource = "b/2", Mode = LockMode.Slots, Capacity = 5, Units = 1 },
            ],
        };
        var written = JsonNode.Parse(JsonSerializer.Serialize(granted, LocksJson.Default.GrantedLock))!.AsObject();
        Assert.True(written.ContainsKey("resource") && written["resource"] is null);
        Assert.False(written.ContainsKey("mode"));
        Same(
            """[{"resource":"a/1","mode":"exclusive"},{"resource":"b/2","mode":"slots","capacity":5,"units":1}]""",
            written["resources"]!.ToJsonString());
    }

    [Fact]
    public void A_blocker_shows_its_missing_progress()
    {
        var blocker = JsonNode.Parse(JsonSerializer.Serialize(Answers.Queued(), LocksJson.Default.QueuedLock))!["blocked_by"]![0]!.AsObject();
        Assert.True(blocker.ContainsKey("progress") && blocker["progress"] is null);
    }

    [Fact]
    public void A_problem_is_written_as_documented()
    {
        var problem = ProblemCatalogue.Get("validation_failed").ToProblem() with
        {
            TraceId = "t",
            Errors = [new FieldError { Field = "priority", Rule = "0 to 9, higher is sooner", Value = 10 }],
        };
        var written = JsonNode.Parse(JsonSerializer.Serialize(problem, ProblemJson.Default.Problem))!;
        Assert.Equal("https://protomesh.dev/problems/validation_failed", (string?)written["type"]);
        Same("""[{"field":"priority","rule":"0 to 9, higher is sooner","value":10}]""", written["errors"]!.ToJsonString());
    }

    [Fact]
    public void An_unknown_field_of_a_request_is_refused_by_name()
    {
        var refusal = Assert.Throws<JsonException>(() =>
            JsonSerializer.Deserialize("""{"resource":"a/1","prioritty":3}""", LocksJson.Default.AcquireLock));
        Assert.Contains("prioritty", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_unknown_field_of_an_answer_is_ignored()
    {
        var verdict = JsonSerializer.Deserialize("""{"valid":true,"reason":"Live.","since_version":9}""", LocksJson.Default.FenceVerdict);
        Assert.True(verdict!.Valid);
    }

    [Fact]
    public void A_resource_in_a_list_is_a_string_or_an_object()
    {
        var request = JsonSerializer.Deserialize(
            """{"resources":["a/1",{"resource":"b/2","mode":"slots","capacity":5,"units":2}]}""", LocksJson.Default.AcquireLock)!;
        Assert.Equal(
            [new ResourceRequest { Resource = "a/1" }, new ResourceRequest { Resource = "b/2", Mode = "slots", Capacity = 5, Units = 2 }],
            request.Resources!);
        Same(
            """{"resources":["a/1",{"resource":"b/2","mode":"slots","capacity":5,"units":2}]}""",
            JsonSerializer.Serialize(request, LocksJson.Default.AcquireLock));
    }

    [Theory]
    [InlineData("""[1]""")]
    [InlineData("""[{"resource":"a/1","colour":"red"}]""")]
    [InlineData("""[{"resource":"a/1","units":"two"}]""")]
    [InlineData("""[{"resource":"a/1","units":1.5}]""")]
    [InlineData("""[{"resource":7}]""")]
    public void A_resource_of_another_shape_is_refused_with_its_place(string resources)
    {
        var refusal = Assert.Throws<JsonException>(() =>
            JsonSerializer.Deserialize($$"""{"resources":{{resources}}}""", LocksJson.Default.AcquireLock));
        Assert.StartsWith("$.resources[0]", refusal.Path, StringComparison.Ordinal);
    }

    private static void Same(string expected, string actual) =>
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(expected), JsonNode.Parse(actual)), actual);
}
