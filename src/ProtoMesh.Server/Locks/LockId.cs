using System.Globalization;
using System.Text.RegularExpressions;

namespace ProtoMesh.Server.Locks;

/// <summary>Names a request to the outside: its own id and the partition where it lives, <c>{request_id}.{partition}</c>.</summary>
internal readonly partial record struct LockId(string RequestId, int Partition)
{
    public const string RequestIdRule = "8 to 64 of A-Z, a-z, 0-9, _ and -";

    public static bool IsRequestId(string text) => RequestIdPattern().IsMatch(text);

    public static bool TryParse(string text, int partitions, out LockId id)
    {
        id = default;
        var dot = text.LastIndexOf('.');
        if (dot < 0 || !IsRequestId(text[..dot]) || text.Length - dot > 6
            || !int.TryParse(text.AsSpan(dot + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var partition) || partition >= partitions)
        {
            return false;
        }

        id = new LockId(text[..dot], partition);
        return true;
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{RequestId}.{Partition}");

    [GeneratedRegex("^[A-Za-z0-9_-]{8,64}\\z")]
    private static partial Regex RequestIdPattern();
}
