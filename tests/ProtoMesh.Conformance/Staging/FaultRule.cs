using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace ProtoMesh.Conformance.Staging;

/// <summary>What a proxy does to which requests.</summary>
internal sealed class FaultRule
{
    private readonly Regex _on;
    private readonly bool _wholePath;
    private readonly int _skip;
    private readonly int _times;
    private int _met;

    private FaultRule(string on, int skip, int times, JsonObject action)
    {
        _wholePath = on.EndsWith('$');
        var pattern = Regex.Escape(_wholePath ? on[..^1] : on).Replace("\\*", "[^/?]+", StringComparison.Ordinal);
        _on = new Regex($"^{pattern}{(_wholePath ? "$" : "")}", RegexOptions.CultureInvariant);
        (_skip, _times, Do) = (skip, times, action);
    }

    /// <summary>What to do, as the scenario says it.</summary>
    public JsonObject Do { get; }

    /// <exception cref="UsageException">It is no rule.</exception>
    public static FaultRule Read(JsonNode? node)
    {
        if (node is not JsonObject rule || rule["on"]?.GetValue<string>() is not { } on || rule["do"] is not JsonObject { Count: > 0 } action)
        {
            throw new UsageException($"A fault needs 'on' and 'do': {node?.ToJsonString()}");
        }

        return new FaultRule(on, (int?)rule["skip"] ?? 0, (int?)rule["times"] ?? 1, (JsonObject)action.DeepClone());
    }

    /// <summary>Counts a request that it is meant for, and tells whether this one is its turn.</summary>
    public bool Takes(string method, string target)
    {
        var path = _wholePath ? target.Split('?')[0] : target;
        if (!_on.IsMatch($"{method} {path}"))
        {
            return false;
        }

        var turn = Interlocked.Increment(ref _met) - 1 - _skip;
        return turn >= 0 && (_times < 0 || turn < _times);
    }
}
