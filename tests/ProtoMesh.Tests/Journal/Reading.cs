using System.Net;
using System.Text.Json;
using ProtoMesh.Contracts.Journal;
using ProtoMesh.Tests.Data;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Journal;

public sealed class Reading
{
    private const string Several = "x,1,1,default/a/1\u0002x,1,1,default/customer/1";

    [Theory, ClassData(typeof(Databases))]
    public async Task The_history_of_a_resource_is_newest_first_and_holds_events_of_several_resources(string database)
    {
        await using var rig = await JournalRig.OpenAsync(database);
        var replica = await rig.StartAsync();
        await using var http = await JournalHttp.StartAsync(replica);
        await replica.Outbox.WriteAsync(3);
        await replica.Outbox.WriteAsync(names: "x,1,1,default/other/1");
        await replica.Outbox.WriteAsync(names: "x,1,1,team-b/customer/1");
        await replica.Outbox.WriteAsync(2, names: Several);
        Assert.True(await replica.JournaledAsync(await replica.Outbox.WriteAsync()));

        Assert.Equal([8, 7, 6, 3, 2, 1], await IdsAsync(http, "/v1/resources/history?resource=customer/1"));
        Assert.Equal([7, 6], await IdsAsync(http, "/v1/resources/history?resource=a/1"));
        Assert.Equal([5], await IdsAsync(http, "/v1/resources/history?resource=customer/1&namespace=team-b"));
        Assert.Equal([1, 2, 3, 6, 7, 8], await IdsAsync(http, "/v1/events?resource=customer/1"));

        var ids = new List<long>();
        var token = "";
        do
        {
            var page = await http.PageAsync($"/v1/resources/history?resource=customer/1&limit=2&page_token={token}");
            Assert.InRange(page.Events.Count, 1, 2);
            ids.AddRange(page.Events.Select(item => item.Id));
            token = page.NextPageToken;
        }
        while (token is not null);
        Assert.Equal([8, 7, 6, 3, 2, 1], ids);
    }

    [Theory, ClassData(typeof(Databases))]
    public async Task Events_are_filtered_by_agent_type_and_namespace_and_paged_forward(string database)
    {
        await using var rig = await JournalRig.OpenAsync(database);
        var replica = await rig.StartAsync();
        await using var http = await JournalHttp.StartAsync(replica);
        await replica.Outbox.WriteAsync(5);
        await replica.Outbox.WriteAsync(5, type: "lock.released", names: "x,1,1,team-b/customer/1");
        Assert.True(await replica.JournaledAsync(await replica.Outbox.WriteAsync(2)));

        Assert.Equal([6, 7, 8, 9, 10], await IdsAsync(http, "/v1/events?type=lock.released"));
        Assert.Equal([6, 7, 8, 9, 10], await IdsAsync(http, "/v1/events?namespace=team-b"));
        Assert.Equal(12, (await IdsAsync(http, "/v1/events?agent_id=agent-a")).Count);
        Assert.Empty(await IdsAsync(http, "/v1/events?agent_id=agent-b"));
        Assert.Equal([11, 12], await IdsAsync(http, "/v1/events?last_event_id=10"));

        var first = await http.PageAsync("/v1/events?type=lock.granted&limit=3");
        Assert.Equal([1, 2, 3], first.Events.Select(item => item.Id));
        var second = await http.PageAsync($"/v1/events?type=lock.granted&limit=4&page_token={first.NextPageToken}");
        Assert.Equal([4, 5, 11, 12], second.Events.Select(item => item.Id));
        Assert.Null(second.NextPageToken);
    }

    [Fact]
    public async Task An_event_shows_what_the_wire_says_and_neither_token_nor_session()
    {
        await using var rig = await JournalRig.OpenAsync(Databases.Sqlite);
        var replica = await rig.StartAsync();
        await using var http = await JournalHttp.StartAsync(replica);
        await replica.Outbox.WriteAsync(payload: """{"reason":"refund","session_id":"secret","labels":{"k":"v"}}""");
        Assert.True(await replica.JournaledAsync(await replica.Outbox.WriteAsync(names: Several)));

        var text = await http.Client.GetStringAsync("/v1/events");
        Assert.Matches("\"at\":\"[-0-9]{10}T[:0-9]{8}\\.[0-9]{3}Z\"", text);
        using var page = JsonDocument.Parse(text);
        var one = page.RootElement.GetProperty("events")[0];
        Assert.Equal(["id", "type", "at", "namespace", "resource", "lock_id", "agent_id", "cause", "data"], one.EnumerateObject().Select(member => member.Name));
        Assert.Equal("""{"priority":5,"waited_ms":1,"note":"n1","request":{"reason":"refund","labels":{"k":"v"}}}""", one.GetProperty("data").GetRawText());
        Assert.False(page.RootElement.GetProperty("events")[1].TryGetProperty("resource", out _));
        var row = (await replica.RowsAsync())[0];
        Assert.DoesNotContain($"{row.FencingToken}", text, StringComparison.Ordinal);
        Assert.DoesNotContain("session", text, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/v1/events?limit=0", "limit")]
    [InlineData("/v1/events?limit=1001", "limit")]
    [InlineData("/v1/events?resource=customer", "resource")]
    [InlineData("/v1/events?namespace=No!", "namespace")]
    [InlineData("/v1/events?last_event_id=yesterday", "last_event_id")]
    [InlineData("/v1/events?page_token=made-up", "page_token")]
    [InlineData("/v1/events?page_token=!!", "page_token")]
    [InlineData("/v1/resources/history", "resource")]
    public async Task What_breaks_a_rule_is_a_validation_problem(string path, string field)
    {
        await using var rig = await JournalRig.OpenAsync(Databases.Sqlite);
        await using var http = await JournalHttp.StartAsync(await rig.StartAsync());
        await AssertInvalidAsync(http, path, field);
    }

    [Fact]
    public async Task A_page_token_serves_only_the_list_it_came_from_and_only_unchanged()
    {
        await using var rig = await JournalRig.OpenAsync(Databases.Sqlite);
        var replica = await rig.StartAsync();
        await using var http = await JournalHttp.StartAsync(replica);
        Assert.True(await replica.JournaledAsync(await replica.Outbox.WriteAsync(5)));
        var token = (await http.PageAsync("/v1/events?resource=customer/1&limit=2")).NextPageToken!;

        await AssertInvalidAsync(http, $"/v1/events?resource=customer/2&page_token={token}", "page_token");
        await AssertInvalidAsync(http, $"/v1/resources/history?resource=customer/1&page_token={token}", "page_token");
        for (var at = 0; at < token.Length; at++)
        {
            var changed = token[..at] + (token[at] == 'A' ? 'B' : 'A') + token[(at + 1)..];
            var status = (await http.Client.GetAsync($"/v1/events?resource=customer/1&page_token={changed}")).StatusCode;

            // The last character of Base64 may carry bits that stand for nothing.
            Assert.True(status == HttpStatusCode.BadRequest || at == token.Length - 1, $"{changed} for {token}: {status}");
        }
    }

    [Fact]
    public async Task A_database_that_is_away_is_a_retryable_problem()
    {
        await using var rig = await JournalRig.OpenAsync(Databases.Sqlite);
        var replica = await rig.StartAsync();
        await using var http = await JournalHttp.StartAsync(replica);
        await replica.QueryAsync(db => Microsoft.EntityFrameworkCore.RelationalDatabaseFacadeExtensions.ExecuteSqlRawAsync(
            db.Database, "ALTER TABLE journal_events RENAME TO taken"));
        var answer = await http.Client.GetAsync("/v1/events");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        using var problem = JsonDocument.Parse(await answer.Content.ReadAsStringAsync());
        Assert.Equal("journal_unavailable", problem.RootElement.GetProperty("code").GetString());
        Assert.NotNull(answer.Headers.RetryAfter);
    }

    private static async Task<List<long>> IdsAsync(JournalHttp http, string path) => [.. (await http.PageAsync(path)).Events.Select(item => item.Id)];

    private static async Task AssertInvalidAsync(JournalHttp http, string path, string field)
    {
        var answer = await http.Client.GetAsync(path);
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        using var problem = JsonDocument.Parse(await answer.Content.ReadAsStringAsync());
        Assert.Equal("validation_failed", problem.RootElement.GetProperty("code").GetString());
        Assert.Equal(field, problem.RootElement.GetProperty("errors")[0].GetProperty("field").GetString());
    }
}
