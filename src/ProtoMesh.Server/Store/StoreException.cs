namespace ProtoMesh.Server.Store;

/// <summary>The store cannot answer now. The message is a sentence for a person and never quotes a script.</summary>
/// <param name="code">A code of the problem catalogue: <c>store_unavailable</c> or <c>store_recovering</c>.</param>
internal class StoreException(string code, string message, Exception? inner = null) : Exception(message, inner)
{
    public string Code { get; } = code;

    public static StoreException Unavailable(string message, Exception? inner = null) => new("store_unavailable", message, inner);

    public static StoreException Recovering(string message, Exception? inner = null) => new("store_recovering", message, inner);
}

/// <summary>
/// The node does not know the script: it restarted, was promoted, or is new. Or it does, and what it held of the partition
/// is gone. Leads to recovery.
/// </summary>
internal sealed class NoScriptException() : StoreException("store_recovering", "The store does not know the scripts yet.");
