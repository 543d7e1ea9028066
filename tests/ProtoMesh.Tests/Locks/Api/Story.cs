using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Locks.Api;

/// <summary>
/// A few agents on a few resources, call after call. A call that got no answer because the service was killed is repeated
/// after the restart, as a client would, and the story goes on; its end is the same however often that happened.
/// </summary>
internal sealed class Story
{
    private readonly MeshServer _server;
    private readonly string _name;
    private readonly Dictionary<string, Fact> _facts = new(StringComparer.Ordinal);
    private readonly List<(string[] Touches, Func<Task> Call)> _calls;
    private int _next;

    public Story(MeshServer server, string name)
    {
        (_server, _name) = (server, name);
        _calls =
        [
            (["first"], () => AcquireAsync("first", "1", "fast", 200)),
            (["second"], () => AcquireAsync("second", "1", "fast", 202)),
            (["third"], () => AcquireAsync("third", "2", "journaled", 200)),
            (["fourth"], () => AcquireAsync("fourth", "2", "journaled", 202)),
            (["first"], () => RenewAsync("first")),
            (["first", "second"], () => ReleaseAsync("first")),
            (["second"], () => ClaimAsync("second")),
            (["fourth"], () => PrioritizeAsync("fourth")),
            (["third"], () => TransferAsync("third", "heir")),
            (["second"], () => CancelAsync("second")),
            (["fifth"], () => AcquireAsync("fifth", "3", "fast", 200)),
            (["fifth"], () => ForceReleaseAsync("fifth", "3")),
        ];
    }

    /// <summary>What the service has answered, by role.</summary>
    public IReadOnlyDictionary<string, Fact> Facts => _facts;

    public bool IsOver => _next == _calls.Count;

    /// <summary>Goes on to the end, or to where no answer came; the call that got none is the next.</summary>
    /// <returns>False when the service was killed.</returns>
    public async Task<bool> GoOnAsync()
    {
        try
        {
            for (; !IsOver; _next++)
            {
                await _calls[_next].Call();
            }

            return true;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    /// <summary>That each lease, waiter and token is as it was answered; what the unanswered call may have changed is not known.</summary>
    public async Task StandsAsync()
    {
        foreach (var (role, fact) in _facts.Where(fact => IsOver || !_calls[_next].Touches.Contains(fact.Key)))
        {
            var seen = await _server.GetAsync($"/v1/locks/{fact.LockId}");
            Assert.True(seen.Status == 200 && seen.String("state") == fact.State, $"{_name} {role} was answered {fact}: {seen}");
            if (fact.State == "queued")
            {
                Assert.True((seen.Number("priority"), seen.Number("position")) == (fact.Priority, 1), $"{_name} {role} was answered {fact}: {seen}");
            }
            else if (fact.State == "granted")
            {
                var renewed = await _server.PostAsync($"/v1/locks/{fact.LockId}/renew", new { fencing_token = fact.Token });
                Assert.True(renewed.Status == 200, $"{_name} {role} was answered {fact}: {renewed}");
            }
        }
    }

    /// <summary>Writes much and changes nothing.</summary>
    public async Task ChatterAsync()
    {
        try
        {
            for (var line = 0; line < 20; line++)
            {
                await CallAsync("heir", "renew", new { fencing_token = _facts["heir"].Token, progress = new string((char)('a' + line), 500) });
            }
        }
        catch (HttpRequestException)
        {
            // The kill that is waited for.
        }
    }

    private async Task AcquireAsync(string role, string resource, string durability, int status)
    {
        var answer = await _server.PostAsync("/v1/locks", new
        {
            request_id = $"{_name}-{role}", resource = $"story/{_name}-{resource}", agent_id = role, durability,
            ttl_ms = 3_600_000, wait_ms = 3_600_000, detached = true,
        });
        Assert.True(answer.Status == status, $"{_name} {role}: {answer}");
        _facts[role] = new Fact(answer.String("lock_id"), answer.String("state"), status == 200 ? answer.Number("fencing_token") : 0, 5);
    }

    private async Task RenewAsync(string role) => Assert.Equal(200, (await CallAsync(role, "renew", new { fencing_token = _facts[role].Token })).Status);

    private async Task ReleaseAsync(string role)
    {
        var answer = await CallAsync(role, "release", new { fencing_token = _facts[role].Token });
        Ends(role, answer);
        _facts["second"] = _facts["second"] with { State = "granted" };
    }

    private async Task ClaimAsync(string role)
    {
        var answer = await CallAsync(role, "wait");
        Assert.True(answer.Status == 200, $"{_name} {role}: {answer}");
        _facts[role] = _facts[role] with { State = "granted", Token = answer.Number("fencing_token") };
    }

    private async Task PrioritizeAsync(string role)
    {
        var answer = await CallAsync(role, "reprioritize", new { priority = 8 });
        Assert.True(answer.Status == 200, $"{_name} {role}: {answer}");
        _facts[role] = _facts[role] with { Priority = 8 };
    }

    private async Task TransferAsync(string role, string to)
    {
        var answer = await CallAsync(role, "transfer", new { fencing_token = _facts[role].Token, to_agent_id = to });
        Assert.True(answer.Status == 200, $"{_name} {role}: {answer}");
        _facts[role] = _facts[role] with { State = "transferred" };
        _facts[to] = new Fact(answer.String("lock_id"), "granted", answer.Number("fencing_token"), 5);
    }

    private async Task CancelAsync(string role) => Ends(role, await CallAsync(role, "cancel"));

    private async Task ForceReleaseAsync(string role, string resource)
    {
        var answer = await _server.PostAsync("/v1/resources/force-release", new { resource = $"story/{_name}-{resource}", reason = "the story ends" });
        Assert.True(answer.Status == 200, $"{_name} {role}: {answer}");
        _facts[role] = _facts[role] with { State = "force_released" };
    }

    private Task<HttpAnswer> CallAsync(string role, string call, object? body = null) =>
        _server.PostAsync($"/v1/locks/{_facts[role].LockId}/{call}", body, wait: call == "wait" ? 0 : null);

    private void Ends(string role, HttpAnswer answer)
    {
        Assert.True(answer.Status == 200 && answer.String("state") == "released", $"{_name} {role}: {answer}");
        _facts[role] = _facts[role] with { State = "released" };
    }

    /// <summary>What was answered last about one request. Token 0: none was.</summary>
    internal sealed record Fact(string LockId, string State, long Token, int Priority);
}
