using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using ProtoMesh.Server.Http;

namespace ProtoMesh.Server.Store;

/// <summary>A resource in its namespace. Neither a namespace nor a type has a slash, so <see cref="Full"/> is unambiguous.</summary>
internal readonly partial record struct ResourceName(string Namespace, string Type, string Id)
{
    public const string DefaultNamespace = "default";
    public const string Rule = "type/id: a type of 1 to 64 of a-z, 0-9, _ . - that starts with a letter, then / and an id of 1 to 512 bytes without control characters";
    public const string NamespaceRule = "1 to 40 of a-z, 0-9 and -";

    /// <summary>What callers write: <c>type/id</c>.</summary>
    public string Short => string.Concat(Type, "/", Id);

    /// <summary>What the store uses: <c>namespace/type/id</c>.</summary>
    public string Full => string.Concat(Namespace, "/", string.Concat(Type, "/", Id));

    public static bool IsNamespace(string text) => NamespacePattern().IsMatch(text);

    public static bool TryParse(string space, string? text, out ResourceName name)
    {
        name = default;
        var slash = text?.IndexOf('/', StringComparison.Ordinal) ?? -1;
        if (slash < 0 || !TypePattern().IsMatch(text.AsSpan(0, slash)) || !IsId(text![(slash + 1)..]))
        {
            return false;
        }

        name = new ResourceName(space, text[..slash], text[(slash + 1)..]);
        return true;
    }

    /// <summary>Reads <see cref="Full"/> back.</summary>
    public static ResourceName FromStore(string full)
    {
        var type = full.IndexOf('/', StringComparison.Ordinal) + 1;
        var id = full.IndexOf('/', type) + 1;
        var space = full.AsSpan(0, type - 1);
        return new ResourceName(space.SequenceEqual(DefaultNamespace) ? DefaultNamespace : space.ToString(), full[type..(id - 1)], full[id..]);
    }

    /// <summary>The partition is a hash of the namespace and the resource's group, so it never depends on a request.</summary>
    public int Partition(int partitions, string groupBy)
    {
        if (partitions == 1)
        {
            return 0;
        }

        var group = groupBy switch
        {
            "namespace" => Namespace,
            "type" => $"{Namespace}/{Type}",
            "prefix" => $"{Namespace}/{Type}/{Id.Split('/', 2)[0]}",
            _ => Full,
        };
        return (int)(BitConverter.ToUInt32(SHA256.HashData(Encoding.UTF8.GetBytes(group))) % (uint)partitions);
    }

    private static bool IsId([NotNullWhen(true)] string id) =>
        id.Length is > 0 and <= 512 && Encoding.UTF8.GetByteCount(id) <= 512 && !ControlCharacters.AreIn(id);

    [GeneratedRegex("^[a-z0-9-]{1,40}\\z")]
    private static partial Regex NamespacePattern();

    [GeneratedRegex("^[a-z][a-z0-9_.-]{0,63}\\z")]
    private static partial Regex TypePattern();
}
