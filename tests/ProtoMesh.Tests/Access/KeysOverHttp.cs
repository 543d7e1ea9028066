using ProtoMesh.Server.Access;
using ProtoMesh.Tests.Data;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Access;

/// <summary>The life of keys as those see it who call.</summary>
[Trait("Category", "Slow")]
public sealed class KeysOverHttp
{
    [Fact]
    public async Task An_open_service_says_so_and_ignores_what_looks_like_a_key()
    {
        await using var server = await MeshServer.StartAsync();
        Assert.Contains("The service is open", server.Log, StringComparison.Ordinal);
        Assert.Equal("open", (await server.GetAsync("/health")).String("auth"));
        Assert.Contains("**Open.**", (await server.GetAsync("/openapi/v1.json")).Text, StringComparison.Ordinal);
        Assert.Equal(200, (await KeyedServer.AskAsync(server.Http, "pm_nonsense", HttpMethod.Get, "/v1/locks")).Status);
        var refused = await server.PostAsync("/v1/keys", new { role = "admin" });
        Assert.Equal((409, "keys_off"), (refused.Status, refused.Code));
    }

    [Fact]
    public async Task With_keys_nothing_is_open_and_the_service_says_so()
    {
        await using var keyed = await KeyedServer.StartAsync();
        Assert.DoesNotContain("The service is open", keyed.Server.Log, StringComparison.Ordinal);
        Assert.Contains("**Keys.**", (await keyed.GetAsync(null, "/openapi/v1.json")).Text, StringComparison.Ordinal);
        Assert.Equal("""{"status":"healthy"}""", (await keyed.GetAsync(null, "/health/ready")).Text);
        Assert.Equal(200, (await keyed.GetAsync(null, "/health/live")).Status);
        Assert.Equal(401, (await keyed.GetAsync(null, "/health")).Status);
        Assert.Equal(401, (await keyed.GetAsync(null, "/v1/nothing")).Status);
        Assert.Equal(401, (await keyed.GetAsync(null, "/v1/locks?colour=red")).Status);
        Assert.Equal("keys", (await keyed.GetAsync(keyed.Root, "/health")).String("auth"));
        Assert.Equal(404, (await keyed.GetAsync(keyed.Root, "/v1/nothing")).Status);
        Assert.Equal(200, (await keyed.AskAsync(null, HttpMethod.Get, "/v1/locks", null, ("X-Api-Key", keyed.Root))).Status);
        Assert.Equal(200, (await keyed.AskAsync(null, HttpMethod.Get, "/v1/locks", null, ("Authorization", $"bearer  {keyed.Root}"))).Status);
    }

    [Fact]
    public async Task A_key_is_shown_once_and_carries_what_it_was_made_with()
    {
        await using var keyed = await KeyedServer.StartAsync();
        var made = await keyed.PostAsync(keyed.Root, "/v1/keys", new
        {
            role = "agent", name = "billing", comment = "nightly", agent_prefix = "billing-", team = "payments", labels = new { role = "senior" }, max_priority = 7, max_ttl_ms = 60_000,
            expires_at = "2100-01-01T00:00:00Z",
        });
        Assert.Equal(201, made.Status);
        Assert.Equal("no-store", made.Headers.CacheControl!.ToString());
        var id = KeyedServer.IdOf(made.String("key"));
        var read = await keyed.GetAsync(keyed.Root, $"/v1/keys/{id}");
        Assert.Equal(made.Body["details"]!.ToJsonString(), read.Body.ToJsonString());
        Assert.Equal(
            ("active", "agent", "default", "billing-", "payments", 7, 60_000, KeyedServer.IdOf(keyed.Root)),
            (read.String("state"), read.String("role"), read.String("namespace"), read.String("agent_prefix"), read.String("team"), (int)read.Number("max_priority"), (int)read.Number("max_ttl_ms"), read.String("created_by")));
        Assert.Equal("senior", (string?)read.Body["labels"]!["role"]);
        Assert.False(read.Body.ContainsKey("last_used_at"));
        await keyed.GetAsync(made.String("key"), "/v1/locks");
        var used = await keyed.GetAsync(keyed.Root, "/v1/keys");
        Assert.Contains(used.Body["keys"]!.AsArray(), key => (string)key!["key_id"]! == id && key["last_used_at"] is not null);
        Assert.DoesNotContain(made.String("key").Split('_')[2], used.Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"role":"king"}""", "role")]
    [InlineData("""{}""", "role")]
    [InlineData("""{"role":"agent"}""", "agent_id")]
    [InlineData("""{"role":"agent","agent_id":"a","agent_prefix":"b"}""", "agent_id")]
    [InlineData("""{"role":"viewer","agent_id":"a"}""", "agent_id")]
    [InlineData("""{"role":"viewer","namespace":"*"}""", "namespace")]
    [InlineData("""{"role":"viewer","namespace":"Red"}""", "namespace")]
    [InlineData("""{"role":"viewer","max_priority":10}""", "max_priority")]
    [InlineData("""{"role":"viewer","max_ttl_ms":999}""", "max_ttl_ms")]
    [InlineData("""{"role":"viewer","expires_at":"2000-01-01T00:00:00Z"}""", "expires_at")]
    [InlineData("""{"role":"viewer","expires_at":"soon"}""", "expires_at")]
    [InlineData("""{"role":"viewer","colour":"red"}""", "colour")]
    [InlineData("""{"role":"viewer","labels":{"":"x"}}""", "labels.")]
    public async Task A_wrong_field_of_a_new_key_is_named_also_while_the_service_is_open(string body, string field)
    {
        var server = await MeshServers.GetAsync(MeshServers.Embedded);
        Http.Refusals.Names(await server.PostAsync("/v1/keys", body), field, body);
    }

    [Fact]
    public async Task After_a_rotation_both_secrets_are_good_until_the_overlap_ends()
    {
        await using var keyed = await KeyedServer.StartAsync();
        var first = await keyed.AgentAsync("a");
        var id = KeyedServer.IdOf(first);
        var rotated = await keyed.PostAsync(keyed.Root, $"/v1/keys/{id}/rotate", new { overlap_ms = 1_500 });
        var second = rotated.String("key");
        Assert.Equal(id, KeyedServer.IdOf(second));
        Assert.NotEqual(first, second);
        Assert.Equal((200, 200), ((await keyed.GetAsync(first, "/v1/locks")).Status, (await keyed.GetAsync(second, "/v1/locks")).Status));
        await Eventually.HoldsAsync(async () => (await keyed.GetAsync(first, "/v1/locks")).Status == 401, "the overlap ends");
        var third = (await keyed.PostAsync(keyed.Root, $"/v1/keys/{id}/rotate", new { overlap_ms = 0 })).String("key");
        Assert.Equal((401, 200), ((await keyed.GetAsync(second, "/v1/locks")).Status, (await keyed.GetAsync(third, "/v1/locks")).Status));
        Http.Refusals.Names(await keyed.PostAsync(keyed.Root, $"/v1/keys/{id}/rotate", new { overlap_ms = 86_400_001 }), "overlap_ms", "a long overlap");
    }

    [Fact]
    public async Task Another_replica_knows_of_a_key_and_of_its_end_within_a_second()
    {
        var database = await PostgresServer.CreateDatabaseAsync();
        await using var redis = await RedisServer.StartAsync();
        var root = KeyText.New();
        (string, string)[] settings = [("ConnectionStrings:Database", database), ("ConnectionStrings:Redis", redis.ConnectionString), ("Auth:BootstrapKey", root)];
        var started = await Task.WhenAll(MeshServer.StartAsync(settings), MeshServer.StartAsync(settings));
        await using var here = new KeyedServer(started[0], root);
        await using var there = new KeyedServer(started[1], root);
        var key = await here.AgentAsync("a");
        var second = TimeSpan.FromSeconds(1);
        await Eventually.HoldsAsync(async () => (await there.GetAsync(key, "/v1/locks")).Status == 200, "the other replica knows the key", second);

        // A stream that it opened there ends with it.
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/events");
        request.Headers.Authorization = new("Bearer", key);
        request.Headers.Accept.ParseAdd("text/event-stream");
        using var stream = await there.Server.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        var reading = stream.Content.ReadAsStringAsync();
        Assert.Equal("revoked", (await here.AskAsync(root, HttpMethod.Delete, $"/v1/keys/{KeyedServer.IdOf(key)}")).String("state"));
        Assert.Equal(401, (await here.GetAsync(key, "/v1/locks")).Status);
        await Eventually.HoldsAsync(async () => (await there.GetAsync(key, "/v1/locks")).Status == 401, "the other replica refuses the key", second);
        await reading.WaitAsync(TimeSpan.FromSeconds(5));
        Assert.Single((await here.GetAsync(root, "/v1/keys")).Body["keys"]!.AsArray(), entry => (string)entry!["created_by"]! == "bootstrap");
    }

    [Theory, ClassData(typeof(Databases))]
    public async Task Once_closed_a_service_stays_closed_when_every_key_is_revoked_or_gone(string database)
    {
        using var folder = new TempFolder("keys");
        var connection = await Databases.CreateAsync(database, folder);
        var root = KeyText.New();
        await using (var server = new KeyedServer(await StartAsync(folder, ("ConnectionStrings:Database", connection), ("Auth:BootstrapKey", root)), root))
        {
            Assert.Equal(200, (await server.AskAsync(root, HttpMethod.Delete, $"/v1/keys/{KeyedServer.IdOf(root)}")).Status);
            Assert.Equal(401, (await server.GetAsync(root, "/v1/locks")).Status);
            Assert.Equal(401, (await server.GetAsync(null, "/v1/locks")).Status);
            await server.Server.StopAsync();
        }

        // The same setting again does not bring a revoked key back.
        await using (var again = new KeyedServer(await StartAsync(folder, ("ConnectionStrings:Database", connection), ("Auth:BootstrapKey", root)), root))
        {
            Assert.Equal((401, 401), ((await again.GetAsync(root, "/v1/locks")).Status, (await again.GetAsync(null, "/v1/locks")).Status));
            await again.Server.StopAsync();
        }

        await ExecuteAsync(database, connection, "DELETE FROM keys");
        await using var without = await StartAsync(folder, ("ConnectionStrings:Database", connection));
        Assert.Equal(401, (await without.GetAsync("/v1/locks")).Status);
        Assert.DoesNotContain("The service is open", without.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_command_prints_the_first_admin_key_once()
    {
        using var folder = new TempFolder("keys");
        await using var first = await MeshServer.TryAsync(folder.Path, ["keys", "bootstrap"]);
        Assert.True(await first.ExitAsync() == 0, first.Log);
        var key = first.Log.Trim();
        Assert.True(KeyText.TryRead(key, out _, out _), key);
        await using var second = await MeshServer.TryAsync(folder.Path, ["keys", "bootstrap"]);
        Assert.Equal(1, await second.ExitAsync());
        Assert.Contains("there is an admin key already", Assert.Single(second.Errors), StringComparison.Ordinal);
        await using var generated = await MeshServer.TryAsync(folder.Path, ["keys", "generate"]);
        Assert.True(await generated.ExitAsync() == 0 && KeyText.TryRead(generated.Log.Trim(), out _, out _), generated.Log);
        await using var server = await MeshServer.TryAsync(folder.Path, []);
        await server.ListensAsync();
        await server.IsReadyAsync();
        Assert.Equal(200, (await KeyedServer.AskAsync(server.Http, key, HttpMethod.Get, "/v1/keys")).Status);
    }

    [Fact]
    public async Task A_bootstrap_key_is_not_used_when_an_admin_is_there_and_a_wrong_one_is_never_repeated()
    {
        await using var keyed = await KeyedServer.StartAsync();
        await keyed.Server.StopAsync();
        var other = KeyText.New();
        await using var again = await MeshServer.TryAsync(keyed.Server.Folder, [], ("Auth:BootstrapKey", other));
        await again.ListensAsync();
        await again.IsReadyAsync();
        Assert.Equal((401, 200), ((await KeyedServer.AskAsync(again.Http, other, HttpMethod.Get, "/v1/locks")).Status, (await KeyedServer.AskAsync(again.Http, keyed.Root, HttpMethod.Get, "/v1/locks")).Status));
        Assert.Contains("Auth:BootstrapKey is not used", again.Log, StringComparison.Ordinal);
        var broken = other[..^1];
        await using var refused = await MeshServer.TryAsync(null, [], ("Auth:BootstrapKey", broken));
        Assert.Equal(1, await refused.ExitAsync());
        Assert.DoesNotContain(broken[20..40], refused.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Wrong_keys_are_counted_and_do_not_fill_the_log()
    {
        await using var keyed = await KeyedServer.StartAsync();
        var before = keyed.Server.Log.Length;
        var wrong = KeyText.New();
        for (var attempt = 0; attempt < 500; attempt++)
        {
            Assert.Equal(401, (await keyed.GetAsync(wrong, "/v1/locks")).Status);
        }

        Assert.Equal(500, (long)(await keyed.GetAsync(keyed.Root, "/health")).Body["keys"]!["refused_calls"]!);
        Assert.Equal(before, keyed.Server.Log.Length);
    }

    private static async Task<MeshServer> StartAsync(TempFolder folder, params (string Name, string Value)[] settings)
    {
        var server = await MeshServer.TryAsync(folder.Path, [], settings);
        await server.ListensAsync();
        await server.IsReadyAsync();
        return server;
    }

    private static async Task ExecuteAsync(string kind, string connection, string sql)
    {
        await using System.Data.Common.DbConnection database = kind == Databases.Sqlite ? new Microsoft.Data.Sqlite.SqliteConnection(connection) : new Npgsql.NpgsqlConnection(connection);
        await database.OpenAsync();
        await using var command = database.CreateCommand();
        command.CommandText = sql;
        Assert.True(await command.ExecuteNonQueryAsync() > 0);
    }
}
