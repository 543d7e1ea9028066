namespace ProtoMesh.Transport;

/// <summary>0.2, 0.4, 0.8 … 5 s, each shortened by up to half at random so that many clients do not return together.</summary>
internal struct Backoff()
{
    private static readonly TimeSpan First = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(5);

    private TimeSpan _next = First;

    public TimeSpan Next()
    {
        var delay = _next * (1 - (Random.Shared.NextDouble() / 2));
        _next = _next * 2 < Longest ? _next * 2 : Longest;
        return delay;
    }
}
