using System.Globalization;

namespace ProtoMesh.Demo;

/// <summary>Prints what happens while it happens.</summary>
internal sealed class Timeline
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, int?> _priorities = [];
    private long _started;

    public TimeSpan Elapsed => TimeProvider.System.GetElapsedTime(_started);

    public void Start()
    {
        _started = TimeProvider.System.GetTimestamp();
        Console.WriteLine($"{"seconds",9}  {"agent",-10} {"prio",4}  {"what",-12} {"token",-17} why");
    }

    /// <param name="agent">Who.</param>
    /// <param name="priority">Its priority; null is the one that was told last.</param>
    /// <param name="what">Did what.</param>
    /// <param name="token">Under which fencing token, if one is known.</param>
    /// <param name="why">Why, or what came of it.</param>
    public void Add(string agent, int? priority, string what, long? token, string why)
    {
        lock (_gate)
        {
            priority = _priorities[agent] = priority ?? _priorities.GetValueOrDefault(agent);
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"{Elapsed.TotalSeconds,9:0.000}  {agent,-10} {priority,4}  {what,-12} {token,-17} {why}"));
        }
    }
}
