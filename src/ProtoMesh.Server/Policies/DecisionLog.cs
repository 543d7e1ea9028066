using System.Globalization;
using System.Threading.Channels;
using Microsoft.Extensions.Options;
using ProtoMesh.Contracts.Policies;

namespace ProtoMesh.Server.Policies;

/// <summary>A decision that is to be written down; it becomes a row where nobody waits.</summary>
internal sealed record PendingDecision(DecisionBuilder Builder, PolicyDecision Decision, TimeSpan Elapsed);

/// <summary>
/// Takes decisions from those who decide and hands them to <see cref="DecisionWriter"/>. Nobody ever waits for it: what does
/// not fit is dropped and counted.
/// </summary>
internal sealed class DecisionLog(IOptions<PolicyOptions> options, TimeProvider time)
{
    /// <summary>How many wait to be written. With the largest metadata in each of them that is 130 MB.</summary>
    public const int Capacity = 8_192;

    /// <summary>How many may wait when an allow comes: the rest of the room is for what has to be kept.</summary>
    public const int CapacityForAllows = Capacity / 2;
    private readonly double _sample = options.Value.AllowSample;
    private readonly Channel<PendingDecision> _pending = Channel.CreateBounded<PendingDecision>(new BoundedChannelOptions(Capacity) { SingleReader = true });
    private readonly int _perSecond = options.Value.AllowsPerSecond;
    private long _dropped;
    private long _second = -1;
    private int _keptInSecond;

    /// <summary>Decisions that this replica should have kept and did not, since it started.</summary>
    public long Dropped => Interlocked.Read(ref _dropped);

    public ChannelReader<PendingDecision> Pending => _pending.Reader;

    /// <summary>Keeps every deny, every approval and every allow that an audit rule spoke against; of other allows a sample.</summary>
    /// <param name="builder">What the decision was made from.</param>
    /// <param name="decision">What was answered.</param>
    /// <param name="elapsed">How long it took.</param>
    public void Record(DecisionBuilder builder, PolicyDecision decision, TimeSpan elapsed)
    {
        var isAllow = decision.Decision == PolicyVerdict.Allow && builder.Would == PolicyVerdict.Allow;
        if (isAllow && (!IsSampled(decision.DecisionId, _sample) || !IsAmongTheFirst()))
        {
            return;
        }

        if ((isAllow && _pending.Reader.Count >= CapacityForAllows) || !_pending.Writer.TryWrite(new PendingDecision(builder, decision, elapsed)))
        {
            Drop(1);
        }
    }

    public void Drop(long count) => Interlocked.Add(ref _dropped, count);

    /// <summary>Of the allows of this second. Two callers at a second's turn may both begin it anew; a few more are kept then.</summary>
    private bool IsAmongTheFirst()
    {
        var second = time.GetTimestamp() / time.TimestampFrequency;
        if (Interlocked.Exchange(ref _second, second) != second)
        {
            Volatile.Write(ref _keptInSecond, 0);
        }

        return Volatile.Read(ref _keptInSecond) < _perSecond && Interlocked.Increment(ref _keptInSecond) <= _perSecond;
    }

    /// <summary>By the random end of the id, so that every replica and every repetition choose alike.</summary>
    public static bool IsSampled(string decisionId, double sample) =>
        uint.Parse(decisionId.AsSpan(decisionId.Length - 8), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture) < sample * 4_294_967_296d;
}
