using System.Collections.Concurrent;
using System.Globalization;
using ProtoMesh.Server.Store;

namespace ProtoMesh.Server.Access;

/// <summary>Whether a call may go on, and what is left.</summary>
/// <param name="IsIn">It may.</param>
/// <param name="Left">How many more may come at once, as far as this replica knows.</param>
/// <param name="RetryAfterMs">When one more may come, if this one may not.</param>
internal readonly record struct RateVerdict(bool IsIn, long Left, long RetryAfterMs);

/// <summary>
/// How many calls a second a namespace may make. The bucket is the store's, in the namespace's partition, so the limit is one
/// over all replicas. Each of these takes some calls ahead, at most a twentieth of a second's worth and 50, and gives them
/// up after a second: so much may come late, and nothing more than the bucket gave ever comes.
/// </summary>
internal sealed class RateGate(ScriptStore store, TimeProvider time)
{
    private const int MostAhead = 50;
    private static readonly Script Take = Script.Named("Access/Lua/take.lua");
    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(1);
    private readonly ConcurrentDictionary<string, Bucket> _buckets = new(StringComparer.Ordinal);

    /// <summary>Null when nobody can say: a call that needs the store is told so itself, and the others are let in.</summary>
    public async ValueTask<RateVerdict?> TakeAsync(string space, RateRule rule, CancellationToken cancellationToken)
    {
        var bucket = _buckets.GetOrAdd(space, static _ => new Bucket());
        if (bucket.Try(time, rule, out var verdict))
        {
            return verdict;
        }

        await bucket.Turn.WaitAsync(cancellationToken);
        try
        {
            if (bucket.Try(time, rule, out verdict))
            {
                return verdict;
            }

            if (store.Partitions == 0)
            {
                return bucket.Miss(time);
            }

            var partition = new ResourceName(space, "", "").Partition(store.Partitions, "namespace");
            var ahead = Math.Clamp(rule.PerSecond / 20, 1, MostAhead);
            var reply = await store.RunAsync(Take, partition, [store.ChannelOf(partition), space, Text(rule.PerSecond), Text(rule.Burst), Text(ahead)], cancellationToken);
            return bucket.Fill(time, rule, reply[1].Number, reply[2].Number, reply[3].Number);
        }
        catch (StoreException)
        {
            return bucket.Miss(time);
        }
        finally
        {
            bucket.Turn.Release();
        }
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    /// <summary>What this replica has of one namespace's bucket.</summary>
    private sealed class Bucket
    {
        private readonly Lock _lock = new();
        private RateRule? _rule;
        private long _ahead;
        private long _left;
        private long _filledAt;
        private long _emptyAt;
        private long _emptyMs;
        private long _missedAt;
        private bool _isMissed;

        public SemaphoreSlim Turn { get; } = new(1, 1);

        /// <summary>False when the store has to be asked.</summary>
        public bool Try(TimeProvider time, RateRule rule, out RateVerdict? verdict)
        {
            lock (_lock)
            {
                verdict = null;
                if (_isMissed && time.GetElapsedTime(_missedAt) < Fresh)
                {
                    return true;
                }

                if (_rule != rule)
                {
                    return false;
                }

                if (_ahead > 0 && time.GetElapsedTime(_filledAt) < Fresh)
                {
                    verdict = new RateVerdict(true, _left + --_ahead, 0);
                    return true;
                }

                // Whoever is over the limit costs the store one call for each that it gives, however many come.
                var wait = _emptyMs - (long)time.GetElapsedTime(_emptyAt).TotalMilliseconds;
                verdict = wait > 0 ? new RateVerdict(false, 0, wait) : null;
                return wait > 0;
            }
        }

        public RateVerdict Fill(TimeProvider time, RateRule rule, long took, long left, long nextMs)
        {
            lock (_lock)
            {
                (_rule, _isMissed, _ahead, _left, _filledAt) = (rule, false, Math.Max(0, took - 1), left, time.GetTimestamp());
                (_emptyAt, _emptyMs) = (_filledAt, took > 0 ? 0 : nextMs);
                return took > 0 ? new RateVerdict(true, left + _ahead, 0) : new RateVerdict(false, 0, nextMs);
            }
        }

        public RateVerdict? Miss(TimeProvider time)
        {
            lock (_lock)
            {
                (_isMissed, _missedAt) = (true, time.GetTimestamp());
                return null;
            }
        }
    }
}
