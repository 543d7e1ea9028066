namespace ProtoMesh.Server.Store.Redis;

internal static partial class RedisLog
{
    [LoggerMessage(1020, LogLevel.Information, "Connected to Redis at {Where} ({Shape}).")]
    public static partial void Connected(ILogger log, string where, string shape);

    [LoggerMessage(1021, LogLevel.Warning, "The connection to Redis at {Where} was lost ({Reason}); it is being restored.")]
    public static partial void Lost(ILogger log, string where, string reason);

    [LoggerMessage(1022, LogLevel.Information, "The connection to Redis at {Where} is back.")]
    public static partial void Restored(ILogger log, string where);

    [LoggerMessage(1023, LogLevel.Warning, "Redis at {Where} has been silent for {Silence}; a new connection replaced the old one.")]
    public static partial void Replaced(ILogger log, string where, TimeSpan silence);

    [LoggerMessage(1024, LogLevel.Error, "Redis could not run a script of partition {Partition}.")]
    public static partial void ScriptFailed(ILogger log, Exception failure, int partition);
}
