using System.Security.Cryptography;

namespace ProtoMesh.Server.Access;

/// <summary>Whether calls need a key.</summary>
internal enum AccessMode
{
    /// <summary>The database was not read yet, so nobody knows.</summary>
    Unknown,

    /// <summary>There was never a key: whoever reaches the address may call everything.</summary>
    Open,

    /// <summary>There is or was a key. A process never leaves this state.</summary>
    Keys,
}

/// <summary>The keys that are known here. Checking takes no lock and asks nobody; a change swaps the whole.</summary>
internal sealed class KeyRing(TimeProvider time)
{
    private static readonly AccessKey Nothing = new(
        new KeyRow { KeyId = "", Namespace = "-", Role = "", Labels = "{}", Sha256 = new string('0', 64), CreatedBy = "" }, new KeyUse());

    private volatile State _state = new(AccessMode.Unknown, new Dictionary<string, AccessKey>(StringComparer.Ordinal));
    private long _refused;

    public AccessMode Mode => _state.Mode;

    /// <summary>Why nothing is known yet, in one sentence.</summary>
    public string NotLoadedBecause { get; set; } = "The keys have not been read from the database yet.";

    public IReadOnlyDictionary<string, AccessKey> Keys => _state.Keys;

    /// <summary>How many calls came with something that was no good key, or with none, since the process began.</summary>
    public long Refused => Interlocked.Read(ref _refused);

    /// <summary>The key that a text proves; null for anything else, found out in about the same time whatever it is.</summary>
    public AccessKey? Check(ReadOnlySpan<char> text) => Check(text, out _);

    /// <param name="text">What was shown.</param>
    /// <param name="proof">By what it was known, for <see cref="AccessKey.HasDigest(ReadOnlySpan{byte}, DateTimeOffset)"/>.</param>
    public AccessKey? Check(ReadOnlySpan<char> text, out byte[] proof)
    {
        var keys = _state.Lookup;
        var isOurs = KeyText.TryRead(text, out var id, out var secret);
        var key = isOurs && keys.TryGetValue(id, out var found) ? found : Nothing;
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        KeyText.Digest(isOurs ? secret : "000000000000000000000000000000000000000000000000", digest);
        var now = time.GetUtcNow();
        if (!(key.HasDigest(digest, now, out proof) & key.IsGood(now)) || ReferenceEquals(key, Nothing))
        {
            Interlocked.Increment(ref _refused);
            return null;
        }

        key.Use.Touch(now);
        return key;
    }

    public void Swap(bool isClosed, Dictionary<string, AccessKey> keys) =>
        _state = new State(isClosed || _state.Mode == AccessMode.Keys ? AccessMode.Keys : AccessMode.Open, keys);

    private sealed record State(AccessMode Mode, Dictionary<string, AccessKey> Keys)
    {
        public Dictionary<string, AccessKey>.AlternateLookup<ReadOnlySpan<char>> Lookup { get; } = Keys.GetAlternateLookup<ReadOnlySpan<char>>();
    }
}
