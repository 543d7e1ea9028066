namespace ProtoMesh.Server.Store.Embedded;

/// <summary>What the embedded store says in the log.</summary>
internal static partial class EmbeddedLog
{
    [LoggerMessage(1050, LogLevel.Warning, "Cut off {Bytes} bytes after byte {Offset} of {File}: the last record was not finished when the store stopped, and was never answered.")]
    public static partial void TornTail(ILogger log, string file, long bytes, long offset);

    [LoggerMessage(1051, LogLevel.Warning, "The embedded store in {Folder} could not start a new snapshot; it goes on with its log and tries again.")]
    public static partial void RotationFailed(ILogger log, string folder, Exception failure);

    [LoggerMessage(1052, LogLevel.Error, "The embedded store in {Folder} could not flush to the disk: what was answered in the last seconds may not survive a power cut.")]
    public static partial void FlushFailed(ILogger log, string folder, Exception failure);

    [LoggerMessage(1053, LogLevel.Error, "A script failed in the embedded store, and what it had changed was undone: {Details}")]
    public static partial void ScriptFailed(ILogger log, string details);

    [LoggerMessage(1054, LogLevel.Error, "The embedded store in {Folder} could not write, and undid the change.")]
    public static partial void WriteFailed(ILogger log, string folder, Exception failure);

    [LoggerMessage(1055, LogLevel.Error, "A listener of channel {Channel} failed.")]
    public static partial void ListenerFailed(ILogger log, string channel, Exception failure);

    [LoggerMessage(1056, LogLevel.Information, "The embedded store in {Folder} is open: {Keys} keys, read in {Milliseconds} ms.")]
    public static partial void Opened(ILogger log, string folder, int keys, long milliseconds);
}
