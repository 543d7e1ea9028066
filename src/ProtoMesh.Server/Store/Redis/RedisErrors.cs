using System.Security.Authentication;
using StackExchange.Redis;

namespace ProtoMesh.Server.Store.Redis;

/// <summary>Says in one sentence what went wrong, and whether something may have been changed.</summary>
/// <remarks>
/// Redis checks memory, disk, role and replicas before a script's first write and lets it finish after that, so a refusal
/// with one of the known codes has changed nothing.
/// </remarks>
internal static class RedisErrors
{
    private const string NothingChanged = "; nothing was changed.";
    private const string Unknown = "; whether the call took effect is not known.";

    /// <summary>The exception to throw instead, or null when <paramref name="failure"/> is not the store's.</summary>
    public static StoreException? Translate(Exception failure, RedisSettings settings) => failure switch
    {
        StoreException already => already,
        RedisServerException refused when Code(refused) is "NOSCRIPT" or "LOST" => new NoScriptException(),
        RedisServerException refused => StoreException.Unavailable(Refusal(refused), refused),
        RedisConnectionException lost => StoreException.Unavailable(Lost(lost, settings), lost),
        RedisTimeoutException or TimeoutException => StoreException.Unavailable(
            $"Redis at {settings.Where} did not answer within {settings.Timeout.TotalSeconds:0.###} s{Unknown}", failure),
        RedisCommandException or ArgumentException => StoreException.Unavailable(
            $"Redis at {settings.Where} has no master that could take the call{NothingChanged}", failure),
        ObjectDisposedException => StoreException.Unavailable($"The connection to Redis is closed{NothingChanged}", failure),
        OperationCanceledException { CancellationToken.CanBeCanceled: false } => StoreException.Unavailable(
            $"The connection to Redis at {settings.Where} was closed during the call{Unknown}", failure),
        _ => null,
    };

    /// <summary>True for a refusal that is not the store's condition but a mistake in a script.</summary>
    public static bool IsScriptError(Exception failure) => failure is RedisServerException refused && Known(Code(refused)) is null && Code(refused) is not ("NOSCRIPT" or "LOST");

    /// <summary>True when no later attempt can help until somebody changes a setting.</summary>
    public static bool IsRefusedLogin(Exception? failure) => Chain(failure).Any(inner =>
        inner is RedisConnectionException { FailureType: ConnectionFailureType.AuthenticationFailure } or AuthenticationException);

    private static string Lost(RedisConnectionException failure, RedisSettings settings)
    {
        if (IsRefusedLogin(failure))
        {
            return Chain(failure).OfType<AuthenticationException>().FirstOrDefault() is { } tls
                ? $"TLS with Redis at {settings.Where} failed ({tls.Message.TrimEnd('.')}){NothingChanged}"
                : $"Redis at {settings.Where} refused the password{NothingChanged}";
        }

        if (Chain(failure).Any(inner => inner is RedisConnectionException { FailureType: ConnectionFailureType.Loading }))
        {
            return Known("LOADING") + NothingChanged;
        }

        return failure.FailureType == ConnectionFailureType.UnableToResolvePhysicalConnection
            ? $"There is no connection to Redis at {settings.Where}{NothingChanged}"
            : $"The connection to Redis at {settings.Where} was lost during the call{Unknown}";
    }

    private static string Refusal(RedisServerException failure) =>
        Known(Code(failure)) is { } sentence ? sentence + NothingChanged : $"Redis could not run a script of this service ({Code(failure)}){Unknown}";

    private static string? Known(string code) => code switch
    {
        "OOM" => "Redis is out of memory (maxmemory)",
        "LOADING" => "Redis is loading its data",
        "CLUSTERDOWN" => "The Redis Cluster is down, or has no master for these keys",
        "TRYAGAIN" => "Redis is moving these keys to another node",
        "MOVED" or "ASK" or "Endpoint" => "Redis has moved these keys to a node that cannot be reached",
        "READONLY" => "The Redis node is a replica and takes no writes",
        "MASTERDOWN" => "The Redis node is a replica that has lost its master",
        "MISCONF" => "Redis cannot write to its disk and refuses changes",
        "NOREPLICAS" => "Redis has too few replicas in reach and refuses changes",
        "NOAUTH" or "WRONGPASS" => "Redis refused the password",
        "NOPERM" => "The Redis user has no permission to run the scripts",
        "BUSY" => "Redis is busy with another script",
        _ => null,
    };

    // The client words a redirection to a node it cannot reach itself: "Endpoint … serving hashslot …".
    private static string Code(RedisServerException failure) => failure.Message.Split(' ', 2)[0];

    private static IEnumerable<Exception> Chain(Exception? failure) => failure switch
    {
        null => [],
        AggregateException several => several.InnerExceptions.SelectMany(Chain).Prepend(several),
        _ => Chain(failure.InnerException).Prepend(failure),
    };
}
