using System.Runtime.CompilerServices;

namespace ProtoMesh.Transport;

/// <summary>Lists that come in pages, read as one.</summary>
internal static class Pages
{
    /// <param name="read">The page of a token, null for the first, and the token of the next one.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    public static async IAsyncEnumerable<T> ReadAsync<T>(
        Func<string?, CancellationToken, Task<(IReadOnlyList<T> Items, string? Next)>> read,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        string? token = null;
        do
        {
            (var items, token) = await read(token, cancellationToken);
            foreach (var item in items)
            {
                yield return item;
            }
        }
        while (token is not null);
    }
}
