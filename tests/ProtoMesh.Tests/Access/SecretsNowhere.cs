using System.Globalization;
using System.Text;
using ProtoMesh.Server.Access;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Access;

/// <summary>A key's text is told once, to whom it was made for.</summary>
[Trait("Category", "Slow")]
public sealed class SecretsNowhere
{
    [Theory, ClassData(typeof(ServedStores))]
    public async Task No_secret_reaches_a_log_an_event_an_error_the_database_or_the_store(string store)
    {
        await using var redis = store == MeshServers.Redis ? await RedisServer.StartAsync() : null;
        (string, string)[] where = redis is null ? [] : [("ConnectionStrings:Redis", redis.ConnectionString)];
        var answers = new StringBuilder();

        // A webhook that takes nothing, so that its failures are told of too.
        var webhook = System.Security.Cryptography.RandomNumberGenerator.GetBytes(32);
        var hook = $"http://127.0.0.1:{FreePort.Take(1)[0]}/token-in-the-address";
        await using var keyed = await KeyedServer.StartAsync([
            ("Logging:LogLevel:Default", "Debug"), ("Approvals:Webhooks:0:Url", hook), ("Approvals:Webhooks:0:Secret", $"whsec_{Convert.ToBase64String(webhook)}"), ("Approvals:Webhooks:0:AllowPrivate", "true"), .. where]);
        var approver = await keyed.IssueAsync(new { role = "approver", groups = new[] { "ops" } });
        answers.Append((await keyed.PostAsync(approver, "/v1/approvals/grants", new { group = "ops", action = "deploy", uses = 1, expires_in_ms = 60_000 })).Text);
        var keys = new List<string> { keyed.Root };
        for (var number = 0; number < 20; number++)
        {
            var key = await keyed.AgentAsync($"agent-{number}");
            keys.Add(key);
            var wrong = KeyText.New(KeyedServer.IdOf(key));
            keys.Add(wrong);
            var granted = await keyed.PostAsync(key, "/v1/locks", new { resource = $"x/{number}", reason = "test" });
            foreach (var answer in new[]
            {
                granted, await keyed.PostAsync(wrong, "/v1/locks", new { resource = "x/1" }), await keyed.PostAsync(key, "/v1/locks", new { resource = "x/1", agent_id = "other" }),
                await keyed.PostAsync(key, "/v1/locks", "{"), await keyed.GetAsync(key, "/v1/keys"), await keyed.GetAsync(key, "/v1/locks?colour=red"),
                await keyed.PostAsync(key, $"/v1/locks/{granted.String("lock_id")}/release", new { fencing_token = granted.Number("fencing_token") }),
                await keyed.PostAsync(key, "/v1/policies/check", new { action = "read" }),
            })
            {
                answers.Append(answer.Text);
            }

            var rotated = await keyed.PostAsync(keyed.Root, $"/v1/keys/{KeyedServer.IdOf(key)}/rotate", new { overlap_ms = 60_000 });
            keys.Add(rotated.String("key"));
            answers.Append((await keyed.AskAsync(keyed.Root, HttpMethod.Delete, $"/v1/keys/{KeyedServer.IdOf(key)}")).Text);
        }

        var seen = 0L;
        await Eventually.HoldsAsync(async () => (seen = (await keyed.GetAsync(keyed.Root, "/v1/events?limit=1000")).Body["events"]!.AsArray().Count) >= 40, "the journal has it all");
        foreach (var path in new[] { "/v1/events?limit=1000", "/v1/keys", "/v1/decisions", "/v1/approvals/grants", "/health", "/openapi/v1.json" })
        {
            answers.Append((await keyed.GetAsync(keyed.Root, path)).Text);
        }

        await keyed.Server.StopAsync();
        var files = Directory.EnumerateFiles(keyed.Server.Folder, "*", SearchOption.AllDirectories).Select(File.ReadAllBytes).ToList();
        Assert.True(files.Sum(file => file.Length) > 10_000, seen.ToString(CultureInfo.InvariantCulture));
        Assert.Contains(files, file => file.AsSpan().IndexOf(Encoding.UTF8.GetBytes(KeyedServer.IdOf(keys[1]))) >= 0); // the id is no secret, and finds what it should
        Assert.Contains("approval.granted", keyed.Server.Log, StringComparison.Ordinal); // it was tried, and that is in the log
        foreach (var spelled in new[] { Encoding.UTF8.GetBytes(Convert.ToBase64String(webhook)), webhook, Encoding.UTF8.GetBytes("token-in-the-address") })
        {
            Assert.DoesNotContain(files, file => file.AsSpan().IndexOf(spelled) >= 0);
            Assert.DoesNotContain(Encoding.UTF8.GetString(spelled), keyed.Server.Log + answers, StringComparison.Ordinal);
        }

        foreach (var secret in keys.Select(key => key.Split('_')[2]))
        {
            Assert.DoesNotContain(secret, keyed.Server.Log, StringComparison.Ordinal);
            Assert.DoesNotContain(secret, answers.ToString(), StringComparison.Ordinal);
            foreach (var spelled in new[] { Encoding.UTF8.GetBytes(secret), Convert.FromHexString(secret) })
            {
                Assert.DoesNotContain(files, file => file.AsSpan().IndexOf(spelled) >= 0);
            }
        }
    }
}
