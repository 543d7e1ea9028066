using ProtoMesh.Server.Store;

namespace ProtoMesh.Tests.Locks.Model;

/// <summary>One entry of the outbox, as far as replaying a life needs it.</summary>
internal sealed record LeaseEvent(EventId Id, string Text)
{
    private readonly string[] _parts = Text.Split('\u0001');

    public string Kind => _parts[0]["lock.".Length..];

    public string RequestId => _parts[2];

    public long Token => StoreReader.Number(_parts[3]);

    public string? Extra(string name) => _parts[8].Split('\u0002')
        .Where(extra => extra.StartsWith(name + "=", StringComparison.Ordinal)).Select(extra => extra[(name.Length + 1)..]).FirstOrDefault();
}

/// <summary>Lives the life of every request again from the events alone.</summary>
internal sealed class EventReplay
{
    private static readonly HashSet<string> FromQueue = ["granted", "cancelled", "timed_out", "abandoned"];
    private static readonly HashSet<string> FromGrant = ["released", "expired", "abandoned", "force_released", "transferred"];
    private readonly Dictionary<string, (string State, long Token, string? Priority)> _lives = new(StringComparer.Ordinal);

    public long LastCounter { get; private set; }

    public void Apply(LeaseEvent next)
    {
        Assert.Equal(new EventId(1, LastCounter + 1), next.Id);
        LastCounter++;
        var before = _lives.GetValueOrDefault(next.RequestId).State;
        if (next.Kind == "reprioritized")
        {
            Assert.Equal("queued", before);
            _lives[next.RequestId] = ("queued", 0, next.Extra("priority"));
            return;
        }

        var allowed = before switch
        {
            "queued" => FromQueue.Contains(next.Kind),
            "granted" => FromGrant.Contains(next.Kind),
            _ => next.Kind is "queued" or "granted",
        };
        Assert.True(allowed, $"{next.RequestId} went from {before ?? "nothing"} to {next.Kind}");
        _lives[next.RequestId] = (next.Kind, next.Token, next.Extra("priority"));
    }

    /// <summary>Throws unless the store's requests are in the states that the events led to.</summary>
    public void AssertLedTo(IReadOnlyDictionary<string, LeaseView> requests)
    {
        foreach (var (id, life) in _lives)
        {
            var found = requests.GetValueOrDefault(id);
            Assert.True(found is not null || life.State is not ("queued" or "granted"), $"{id} should be {life.State} and is gone");
            if (found is not null)
            {
                Assert.Equal((id, life.State, life.Token), (id, found.State, found.Token));
                Assert.True(!found.IsLive || life.Priority == $"{found.Priority}", $"{id} has priority {found.Priority}; its events say {life.Priority}");
            }
        }

        Assert.All(requests.Keys, id => Assert.True(_lives.ContainsKey(id), $"no event tells of {id}"));
    }
}
