using System.Text.Json;
using ProtoMesh.Contracts.Locks;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Client;

/// <summary>Leases that are handed on, against the real service.</summary>
public sealed class TicketTests(LiveService service) : IClassFixture<LiveService>
{
    private static readonly TimeSpan Ttl = TimeSpan.FromSeconds(2);

    private readonly string _resource = $"customer/{Guid.NewGuid():N}";

    [Fact]
    public async Task A_lease_lives_on_in_another_client_under_the_same_token()
    {
        await using var giver = service.Client("first");
        await using var taker = service.Client("second");
        string json;
        await using (var lease = await giver.Locks.AcquireAsync(_resource, new() { Ttl = Ttl, SessionId = "run-1" }))
        {
            json = lease.Ticket().ToJson();
            Assert.Contains("\"session_id\":\"run-1\"", json, StringComparison.Ordinal);
            Assert.True(lease.IsHeld);
            Assert.Empty(giver.Held);
        }

        await using var taken = await taker.AttachAsync(Ticket.Parse(json));

        Assert.Equal((_resource, "first", null), (taken.Resource, taken.AgentId, taken.Grant));
        Assert.Same(taken, Assert.Single(taker.Held));
        Assert.True((await taker.Fences.ValidateAsync(_resource, taken.FencingToken)).Valid);
        await Task.Delay(Ttl * 1.5);
        Assert.True(taken.IsHeld);
        await taken.ReleaseAsync("done elsewhere");
        await using var next = await giver.Locks.TryAcquireAsync(_resource);
        Assert.Equal("done elsewhere", next!.Previous!.Note);
    }

    [Fact]
    public async Task A_ticket_that_nobody_takes_up_expires()
    {
        await using var mesh = service.Client("first");
        await using var lease = await mesh.Locks.AcquireAsync(_resource, new() { Ttl = Ttl });
        var ticket = lease.Ticket();

        await using var next = await mesh.Locks.AcquireAsync(_resource);

        Assert.Equal(LockState.Expired, next.Previous!.Ended);
        Assert.True(lease.Lost.IsCancellationRequested);
        Assert.Throws<LeaseLostException>(lease.Ticket);
        var lost = await Assert.ThrowsAsync<LeaseLostException>(() => mesh.AttachAsync(ticket));
        Assert.Equal("lease_lost", lost.Code);
    }

    [Fact]
    public async Task A_ticket_whose_token_moved_is_lost()
    {
        await using var mesh = service.Client("first");
        await using var lease = await mesh.Locks.AcquireAsync(_resource);
        var ticket = lease.Ticket();

        var given = await lease.TransferAsync("second");
        var moved = await Assert.ThrowsAsync<LeaseLostException>(() => mesh.AttachAsync(ticket));
        var invented = await Assert.ThrowsAsync<LeaseLostException>(() => mesh.AttachAsync(ticket with { FencingToken = given.FencingToken + 1 }));
        var unknown = await Assert.ThrowsAsync<LeaseLostException>(() => mesh.AttachAsync(ticket with { LockId = $"{Guid.NewGuid():N}.0" }));

        Assert.All([moved, invented, unknown], lost => Assert.Equal(("lease_lost", false), (lost.Code, lost.Retryable)));
        await mesh.Locks.CancelAsync(given.LockId);
    }

    [Fact]
    public async Task A_ticket_of_several_resources_keeps_them_all()
    {
        await using var mesh = service.Client("first");
        await using var lease = await mesh.Locks.AcquireAsync([_resource, new ResourceRequest { Resource = $"{_resource}-2", Mode = LockMode.Slots, Capacity = 5, Units = 2 }]);

        await using var taken = await mesh.AttachAsync(Ticket.Parse(lease.Ticket().ToJson()));

        Assert.Null(taken.Resource);
        Assert.Equal(
            [(_resource, LockMode.Exclusive, null, null), ($"{_resource}-2", LockMode.Slots, 5, 2)],
            taken.Resources!.Select(one => (one.Resource, one.Mode, one.Capacity, one.Units)));
    }

    [Fact]
    public async Task A_ticket_is_written_in_the_words_of_the_wire()
    {
        await using var mesh = service.Client("first");
        await using var lease = await mesh.Locks.AcquireAsync(_resource, new() { Ttl = TimeSpan.FromSeconds(20) });

        var ticket = lease.Ticket();
        await using var taken = await mesh.AttachAsync(ticket);

        var json = $$"""
            {"version":1,"lock_id":"{{lease.LockId}}","request_id":"{{lease.RequestId}}","namespace":"default","resource":"{{_resource}}","mode":"exclusive","agent_id":"first","fencing_token":{{lease.FencingToken}},"ttl_ms":20000}
            """;
        Assert.Equal(json, ticket.ToJson());
        // Also inside of what a program writes by itself.
        Assert.Equal(ticket, JsonSerializer.Deserialize<Ticket>(JsonSerializer.Serialize(ticket)));
        Assert.Equal(ticket, Ticket.Parse(json.Replace("\"agent_id\"", "\"session_id\":null,\"agent_id\"")));
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("""{"version":2,"lock_id":"a.0","request_id":"a","namespace":"default","agent_id":"a","fencing_token":1}""")]
    public void What_is_no_ticket_of_this_shape_is_refused(string json) => Assert.Throws<FormatException>(() => Ticket.Parse(json));
}
