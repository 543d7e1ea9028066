using System.Collections.Concurrent;
using System.Diagnostics.Metrics;

namespace ProtoMesh.Server.Budgets;

/// <summary>The gauge <c>protomesh.budget.drift</c>: by how much each counter that was looked at differs from the ledger.</summary>
internal sealed class BudgetDrift : IDisposable
{
    public const string MeterName = "ProtoMesh.Budgets";

    /// <summary>How many counters are told; keys are callers' words, so it has to end somewhere.</summary>
    private const int Most = 1_000;
    private readonly Meter _meter = new(MeterName);
    private readonly ConcurrentDictionary<(string Space, string Budget, string Key), long> _drifts = new();

    public BudgetDrift() => _meter.CreateObservableGauge("protomesh.budget.drift", Measure, description: "What a counter says was spent, less what the ledger says.");

    public void Saw(string space, string budget, string key, long drift)
    {
        if (_drifts.Count < Most || _drifts.ContainsKey((space, budget, key)))
        {
            _drifts[(space, budget, key)] = drift;
        }
    }

    /// <summary>Whether a meter is this one: several services in one process have meters of one name.</summary>
    public bool Owns(Meter meter) => meter == _meter;

    public void Dispose() => _meter.Dispose();

    private IEnumerable<Measurement<long>> Measure() => _drifts.Select(drift => new Measurement<long>(drift.Value,
        new KeyValuePair<string, object?>("namespace", drift.Key.Space), new KeyValuePair<string, object?>("budget", drift.Key.Budget), new KeyValuePair<string, object?>("key", drift.Key.Key)));
}
