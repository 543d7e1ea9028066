using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json.Nodes;
using ProtoMesh.Server.Access;
using ProtoMesh.Tests.Http;
using ProtoMesh.Tests.Policies;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Access;

/// <summary>Every route, asked with a key of every role about what is in its own namespace and in another one, and with keys that are none.</summary>
[Trait("Category", "Slow")]
public sealed class RouteTable
{
    private const string HowToUpdate = "UPDATE_SNAPSHOTS=1 dotnet test --filter RouteTable";
    private const string Own = "red";
    private const string Foreign = "blue";
    private static readonly string Document = Documents.With("  - { id: humans, actions: [deploy], effect: require_approval, approvers: { group: ops } }\n  - { id: yes, actions: [\"*\"], effect: allow }", "budgets: { day: { unit: calls, cap: 1000, window: lifetime } }");

    [Fact]
    public async Task The_table_of_routes_and_roles_is_the_one_under_version_control()
    {
        await using var keyed = await KeyedServer.StartAsync();
        var stage = await Stage.SetAsync(keyed);
        var document = JsonNode.Parse((await keyed.GetAsync(null, "/openapi/v1.json")).Text)!;
        var routes = from path in document["paths"]!.AsObject() from method in path.Value!.AsObject() select new ApiCall(method.Key.ToUpperInvariant(), path.Key, method.Value!.AsObject());
        var table = new StringBuilder($"""
            # Who may call what

            Each cell is what a call with a key of that role in the namespace `{Own}` is answered: first about what is in `{Own}`, then about what is in
            `{Foreign}`. The last column is the answer to no key, an expired, a revoked, a tampered and an unknown one, which is the same for all.
            `{HowToUpdate}` writes this file; read the diff.

            | call | scope | {string.Join(" | ", stage.Keys.Select(key => key.Role))} | no good key |
            |{string.Concat(Enumerable.Repeat("---|", stage.Keys.Count + 3))}

            """.ReplaceLineEndings("\n"));
        foreach (var route in routes)
        {
            var cells = new List<string>();
            foreach (var (_, key) in stage.Keys)
            {
                cells.Add($"{await stage.AskAsync(route.Id, key, Own)} / {await stage.AskAsync(route.Id, key, Foreign)}");
            }

            var scope = ((string?)route.Operation["description"] ?? "").Split("the scope `") is [_, var rest] ? rest.Split('`')[0] : "none";
            table.Append($"| `{route.Method} {route.Path}` | {scope} | {string.Join(" | ", cells)} | {await stage.AskWithoutAsync(route.Id)} |\n");
        }

        foreach (var path in new[] { "/", "/swagger", "/docs/index.html", "/openapi/v1.json", "/v1/nothing" })
        {
            var cells = new List<string>();
            foreach (var (_, key) in stage.Keys)
            {
                cells.Add(Stage.Cell(await keyed.GetAsync(key, path)));
            }

            table.Append($"| `GET {path}` |  | {string.Join(" | ", cells)} | {Stage.Cell(await keyed.GetAsync(null, path))} |\n");
        }

        var file = Path.Combine(Folder(), "routes.md");
        if (Environment.GetEnvironmentVariable("UPDATE_SNAPSHOTS") == "1")
        {
            await File.WriteAllTextAsync(file, table.ToString());
        }

        string[] kept = (await File.ReadAllTextAsync(file)).Split('\n'), now = table.ToString().Split('\n');
        Assert.True(kept.SequenceEqual(now), $"Who may call what has changed:\n{string.Join('\n', kept.Except(now).Select(line => $"- {line}").Concat(now.Except(kept).Select(line => $"+ {line}")))}\nIf that is intended, run `{HowToUpdate}`.");
    }

    private static string Folder([CallerFilePath] string here = "") => Path.GetDirectoryName(here)!;

    /// <summary>Two namespaces that have one of everything, and the keys.</summary>
    private sealed class Stage(KeyedServer keyed, IReadOnlyDictionary<string, string> decisions, IReadOnlyDictionary<string, string> granters, IReadOnlyList<string> bad)
    {
        private int _number;

        public List<(string Role, string Key)> Keys { get; } = [];

        public static async Task<Stage> SetAsync(KeyedServer keyed)
        {
            var (decisions, granters) = (new Dictionary<string, string>(), new Dictionary<string, string>());
            foreach (var space in new[] { Own, Foreign })
            {
                foreach (var limit in new[] { 1, 2 })
                {
                    Assert.Equal(201, (await keyed.AskAsync(keyed.Root, HttpMethod.Put, $"/v1/policies/cap?namespace={space}", LifeRig.Document(limit))).Status);
                }

                var decision = await keyed.PostAsync(keyed.Root, "/v1/policies/check", new { agent_id = "a", action = "spend", @namespace = space, metadata = new { estimated_cost = 500 } });
                decisions[space] = decision.String("decision_id");
                await Eventually.HoldsAsync(async () => (await keyed.GetAsync(keyed.Root, $"/v1/decisions/{decisions[space]}")).Status == 200, "the decision is written");

                // Deployments need a yes there, and somebody can say it; and there are budgets.
                granters[space] = await keyed.IssueAsync(new { role = "approver", groups = new[] { "ops" }, @namespace = space });
                Assert.Equal(201, (await keyed.AskAsync(keyed.Root, HttpMethod.Put, $"/v1/policies/test?namespace={space}", Document)).Status);
                Assert.Equal(200, (await keyed.AskAsync(keyed.Root, HttpMethod.Post, $"/v1/policies/test/versions/1/activate?namespace={space}", null, ("If-Match", "*"))).Status);
            }

            var soon = await keyed.PostAsync(keyed.Root, "/v1/keys", new { role = "admin", @namespace = "*", expires_at = DateTimeOffset.UtcNow.AddSeconds(1) });
            var revoked = await keyed.IssueAsync(new { role = "admin", @namespace = "*" });
            Assert.Equal(200, (await keyed.AskAsync(keyed.Root, HttpMethod.Delete, $"/v1/keys/{KeyedServer.IdOf(revoked)}")).Status);
            await Eventually.HoldsAsync(async () => (await keyed.GetAsync(soon.String("key"), "/v1/keys")).Status == 401, "the key expires");
            var stage = new Stage(keyed, decisions, granters, [soon.String("key"), revoked, KeyText.New(KeyedServer.IdOf(keyed.Root)), keyed.Root[..^1], $"{keyed.Root}0", "x", KeyText.New()]);
            foreach (var role in Roles.All)
            {
                stage.Keys.Add((role, await keyed.IssueAsync(new { role, @namespace = Own, agent_id = role == Roles.Agent ? "a" : null, groups = new[] { "ops" } })));
            }

            stage.Keys.Add(("admin of `*`", keyed.Root));
            return stage;
        }

        public static string Cell(HttpAnswer answer) => answer.Code is { } code ? $"{answer.Status} {code}" : $"{answer.Status}";

        public async Task<string> AskAsync(string id, string key, string space)
        {
            var (method, path, body, headers) = await CallAsync(id, space);
            var answer = await keyed.AskAsync(key, method, path, body, headers);
            var inside = id switch
            {
                "renewLocks" when answer.Status == 200 => (string?)answer.Body["results"]![0]!["problem"]?["code"],
                "checkPolicies" when answer.Status == 200 => (string?)answer.Body["results"]![0]!["problem"]?["code"],
                "legacyGetLockStatus" when answer.Status == 200 => (string?)answer.Body["status"],
                "legacyReleaseLock" when answer.Status == 200 => (string?)answer.Body["message"],
                _ => null,
            };
            return inside is null ? Cell(answer) : $"{Cell(answer)} ({inside})";
        }

        public async Task<string> AskWithoutAsync(string id)
        {
            var (method, path, body, headers) = await CallAsync(id, Own);
            var answers = new List<HttpAnswer> { await keyed.AskAsync(null, method, path, body, headers) };
            foreach (var key in bad)
            {
                answers.Add(await keyed.AskAsync(key, method, path, body, headers));
            }

            if (answers[0].Code is not null)
            {
                Assert.Single(answers.Select(answer => (answer.Status, WithoutTrace(answer), answer.Headers.WwwAuthenticate.ToString())).Distinct());
                Assert.Equal("Bearer", answers[0].Headers.WwwAuthenticate.ToString());
            }

            return Assert.Single(answers.Select(Cell).Distinct());
        }

        private static string WithoutTrace(HttpAnswer answer)
        {
            var body = answer.Body;
            body.Remove("trace_id");
            return body.ToJsonString();
        }

        private async Task<(HttpMethod Method, string Path, object? Body, (string, string)[] Headers)> CallAsync(string id, string space)
        {
            var resource = $"stage/{++_number}";
            (HttpMethod, string, object?, (string, string)[]) Get(string path) => (HttpMethod.Get, path, null, []);
            (HttpMethod, string, object?, (string, string)[]) Post(string path, object? body = null) => (HttpMethod.Post, path, body, []);
            switch (id)
            {
                case "acquireLock":
                    return Post("/v1/locks", new { resource, agent_id = "a", @namespace = space });
                case "waitForLock":
                    return (HttpMethod.Post, $"/v1/locks/{(await LockAsync(resource, space)).Id}/wait", null, [("Prefer", "wait=0")]);
                case "renewLock" or "releaseLock" or "transferLock" or "cancelLock" or "getLock" or "explainLock" or "renewLocks":
                    var (lockId, token) = await LockAsync(resource, space);
                    return id switch
                    {
                        "renewLocks" => Post("/v1/locks/renew", new { locks = new[] { new { lock_id = lockId, fencing_token = token } } }),
                        "transferLock" => Post($"/v1/locks/{lockId}/transfer", new { fencing_token = token, to_agent_id = "b" }),
                        "cancelLock" => Post($"/v1/locks/{lockId}/cancel"),
                        "getLock" => Get($"/v1/locks/{lockId}"),
                        "explainLock" => Get($"/v1/locks/{lockId}/explain"),
                        _ => Post($"/v1/locks/{lockId}/{id[..^4]}", new { fencing_token = token }),
                    };
                case "reprioritizeLock":
                    await LockAsync(resource, space);
                    var waiter = await keyed.PostAsync(keyed.Root, "/v1/locks", new { resource, agent_id = "b", @namespace = space });
                    return Post($"/v1/locks/{waiter.String("lock_id")}/reprioritize", new { priority = 9 });
                case "listLocks":
                    return Get($"/v1/locks?namespace={space}");
                case "listResources":
                    return Get($"/v1/resources?namespace={space}");
                case "getQueue":
                    return Get($"/v1/resources/queue?resource={resource}&namespace={space}");
                case "forceRelease":
                    return Post("/v1/resources/force-release", new { resource, reason = "test", @namespace = space });
                case "validateFence":
                    return Post("/v1/fences/validate", new { resource, fencing_token = 1, @namespace = space });
                case "listEvents":
                    return Get($"/v1/events?namespace={space}");
                case "getHistory":
                    return Get($"/v1/resources/history?resource={resource}&namespace={space}");
                case "cancelLockByRequest":
                    await keyed.PostAsync(keyed.Root, "/v1/locks", new { resource, agent_id = "a", @namespace = space, request_id = $"request-{_number}" });
                    return Post("/v1/locks/cancel", new { resource, request_id = $"request-{_number}", @namespace = space });
                case "legacyAcquireLock":
                    return Post("/v1/locks/acquire", new { resource_type = "stage", resource_id = $"{_number}", agent_id = "a" });
                case "legacyReleaseLock" or "legacyGetLockStatus":
                    // The old calls name no namespace, so a lock of another one is made by an admin who is there.
                    var maker = await keyed.IssueAsync(new { role = "admin", @namespace = space });
                    var legacy = (await keyed.PostAsync(maker, "/v1/locks/acquire", new { resource_type = "stage", resource_id = $"{_number}", agent_id = "a" })).String("lock_id");
                    return id == "legacyReleaseLock" ? Post("/v1/locks/release", new { lock_id = legacy, agent_id = "a" }) : Get($"/v1/locks/{legacy}/status");
                case "validatePolicy":
                    return Post("/v1/policies/validate", LifeRig.Document(1));
                case "putPolicy":
                    return (HttpMethod.Put, $"/v1/policies/cap?namespace={space}", LifeRig.Document(2), []);
                case "listPolicies":
                    return Get($"/v1/policies?namespace={space}");
                case "listPolicyVersions":
                    return Get($"/v1/policies/cap/versions?namespace={space}");
                case "getPolicyVersion":
                    return Get($"/v1/policies/cap/versions/1?namespace={space}");
                case "activatePolicy":
                    return (HttpMethod.Post, $"/v1/policies/humans/versions/1/activate?namespace={space}", null, [("If-Match", "*")]);
                case "diffPolicy":
                    return Get($"/v1/policies/cap/diff?from=1&to=2&namespace={space}");
                case "checkPolicy":
                    return Post("/v1/policies/check", new { agent_id = "a", action = "read", @namespace = space });
                case "checkPolicies":
                    return Post("/v1/policies/check-batch", new { checks = new[] { new { agent_id = "a", action = "read", @namespace = space } } });
                case "listDecisions":
                    return Get($"/v1/decisions?namespace={space}");
                case "getDecision":
                    return Get($"/v1/decisions/{decisions[space]}");
                case "requestApproval":
                    return Post("/v1/approvals", new { agent_id = "a", action = "deploy", resource, @namespace = space });
                case "listApprovals":
                    return Get($"/v1/approvals?namespace={space}");
                case "getApproval" or "approveApproval" or "denyApproval" or "cancelApproval" or "revokeApproval":
                    var asked = (await keyed.PostAsync(keyed.Root, "/v1/approvals", new { agent_id = "a", action = "deploy", resource, @namespace = space })).String("approval_id");
                    if (id == "revokeApproval")
                    {
                        Assert.Equal(200, (await keyed.PostAsync(granters[space], $"/v1/approvals/{asked}/approve", new { })).Status);
                    }

                    return id == "getApproval" ? Get($"/v1/approvals/{asked}") : Post($"/v1/approvals/{asked}/{id[..^"Approval".Length]}", new { });
                case "createGrant":
                    return Post("/v1/approvals/grants", new { group = "ops", action = "deploy", resource, expires_in_ms = 60_000, uses = 1, @namespace = space });
                case "listGrants":
                    return Get($"/v1/approvals/grants?namespace={space}");
                case "revokeGrant":
                    var given = await keyed.PostAsync(granters[space], "/v1/approvals/grants", new { group = "ops", action = "deploy", resource, expires_in_ms = 60_000, uses = 1 });
                    return Post($"/v1/approvals/grants/{given.String("grant_id")}/revoke", new { });
                case "createKey":
                    return Post("/v1/keys", new { role = "viewer", @namespace = space });
                case "listKeys":
                    return Get($"/v1/keys?namespace={space}");
                case "getKey" or "revokeKey" or "rotateKey":
                    var key = KeyedServer.IdOf(await keyed.IssueAsync(new { role = "viewer", @namespace = space }));
                    return id == "getKey" ? Get($"/v1/keys/{key}") : id == "rotateKey" ? Post($"/v1/keys/{key}/rotate", new { overlap_ms = 0 }) : (HttpMethod.Delete, $"/v1/keys/{key}", null, []);
                case "listNamespaces":
                    return Get("/v1/namespaces");
                case "getNamespace":
                    return Get($"/v1/namespaces/{space}");
                case "putNamespace":
                    return (HttpMethod.Put, $"/v1/namespaces/{space}", new { comment = "table" }, [("If-Match", "*")]);
                case "reserveBudget":
                    return Post("/v1/budgets/reservations", Reservation(space));
                case "getReservation" or "commitReservation" or "releaseReservation":
                    var held = (await keyed.PostAsync(keyed.Root, "/v1/budgets/reservations", Reservation(space))).String("reservation_id");
                    return id == "getReservation" ? Get($"/v1/budgets/reservations/{held}?namespace={space}")
                        : id == "commitReservation" ? Post($"/v1/budgets/reservations/{held}/commit", new { actual = 1, @namespace = space })
                        : Post($"/v1/budgets/reservations/{held}/release", new { @namespace = space });
                case "listBudgets":
                    return Get($"/v1/budgets?namespace={space}");
                case "getBudgetUsage":
                    return Get($"/v1/budgets/day/usage?namespace={space}");
                case "listBudgetLedger":
                    return Get($"/v1/budgets/day/ledger?namespace={space}");
                case "topUpBudget":
                    return Post("/v1/budgets/day/top-up", new { amount = 1, reason = "test", @namespace = space });
                case "rebuildBudget":
                    return Post("/v1/budgets/day/rebuild", new { @namespace = space });
                case "listPrices":
                    return Get("/v1/prices");
                case "getHealth":
                    return Get("/health");
                case "getReadiness":
                    return Get("/health/ready");
                case "getLiveness":
                    return Get("/health/live");
                default:
                    throw new InvalidOperationException($"The table does not know how to call {id}; add it here.");
            }
        }

        private static object Reservation(string space) => new { agent_id = "a", budgets = new[] { "day" }, amount = 1, @namespace = space };

        private async Task<(string Id, long Token)> LockAsync(string resource, string space)
        {
            var granted = await keyed.PostAsync(keyed.Root, "/v1/locks", new { resource, agent_id = "a", @namespace = space });
            Assert.True(granted.Status == 200, granted.ToString());
            return (granted.String("lock_id"), granted.Number("fencing_token"));
        }
    }
}
