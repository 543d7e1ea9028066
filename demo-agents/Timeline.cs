using System.Globalization;

namespace ProtoMesh.Demo;

/// <summary>Prints what happens while it happens.</summary>
internal sealed class Timeline
{
    private readonly Lock _gate = new();
    private long _started;

    public TimeSpan Elapsed => TimeProvider.System.GetElapsedTime(_started);

    public void Start()
    {
        _started = TimeProvider.System.GetTimestamp();
        Console.WriteLine($"{"seconds",9}  {"agent",-10} {"prio",4}  {"what",-12} {"token",-17} why");
    }

    public void Add(string agent, int? priority, string what, long? token, string why)
    {
        lock (_gate)
        {
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"{Elapsed.TotalSeconds,9:0.000}  {agent,-10} {priority,4}  {what,-12} {token,-17} {why}"));
        }
    }
}
