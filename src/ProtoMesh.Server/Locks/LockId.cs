using System.Globalization;
using ProtoMesh.Server.Http;

namespace ProtoMesh.Server.Locks;

/// <summary>Names a request to the outside: its own id and the partition where it lives, <c>{request_id}.{partition}</c>.</summary>
internal readonly record struct LockId(string RequestId, int Partition)
{
    public static bool TryParse(string text, int partitions, out LockId id)
    {
        id = default;
        var dot = text.LastIndexOf('.');
        if (dot < 0 || !RequestIds.IsValid(text[..dot]) || text.Length - dot > 6
            || !int.TryParse(text.AsSpan(dot + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var partition) || partition >= partitions)
        {
            return false;
        }

        id = new LockId(text[..dot], partition);
        return true;
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{RequestId}.{Partition}");
}
