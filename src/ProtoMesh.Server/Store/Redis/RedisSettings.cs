using System.Net;
using StackExchange.Redis;

namespace ProtoMesh.Server.Store.Redis;

/// <summary>What a connection string says, completed with what this service needs of the client.</summary>
internal sealed class RedisSettings
{
    private static readonly string[] SentinelKeys = ["sentinel", "serviceName"];

    private RedisSettings(ConfigurationOptions options)
    {
        Options = options;
        Where = string.Join(", ", options.EndPoints.Select(Describe));
        Timeout = TimeSpan.FromMilliseconds(options.SyncTimeout);
    }

    public ConfigurationOptions Options { get; }

    /// <summary>The endpoints for a person, without credentials.</summary>
    public string Where { get; }

    /// <summary>How long a call may take: <c>syncTimeout</c> of the connection string, 2 s by default.</summary>
    public TimeSpan Timeout { get; }

    /// <exception cref="StoreException">It cannot be understood; the message says why and quotes no credentials.</exception>
    public static RedisSettings Parse(string connectionString)
    {
        if (connectionString.Contains("://", StringComparison.Ordinal))
        {
            throw Invalid("it is a URL; write host:port,password=…,ssl=true instead");
        }

        if (SentinelKeys.Any(key => Names(connectionString, key)))
        {
            throw StoreException.Unavailable("Sentinel is not supported yet: ConnectionStrings:Redis has to name the master itself, or the nodes of a Cluster.");
        }

        ConfigurationOptions options;
        try
        {
            options = ConfigurationOptions.Parse(connectionString);
        }
        catch (ArgumentException failure)
        {
            // 1.x puts the sentence where the parameter's name belongs.
            var sentence = failure.ParamName?.Contains(' ', StringComparison.Ordinal) == true ? failure.ParamName : failure.Message;
            throw Invalid(sentence.Split('(', ';')[0].Trim().TrimEnd('.'), failure);
        }

        if (options.EndPoints.Count == 0)
        {
            throw Invalid("it names no host:port");
        }

        options.SetDefaultPorts();
        options.AbortOnConnectFail = false;
        options.AllowAdmin = true; // INFO, for the warnings
        options.ChannelPrefix = default; // scripts publish on the plain names
        options.TieBreaker = "";
        options.ConfigurationChannel = "";
        options.ClientName ??= "protomesh";
        options.ConnectRetry = Names(connectionString, "connectRetry") ? options.ConnectRetry : 1;
        options.ConnectTimeout = Names(connectionString, "connectTimeout") ? options.ConnectTimeout : 2000;
        options.SyncTimeout = Names(connectionString, "syncTimeout") ? options.SyncTimeout : 2000;

        // A promoted replica is used within seconds instead of a minute.
        options.ConfigCheckSeconds = Names(connectionString, "configCheckSeconds") ? options.ConfigCheckSeconds : 2;
        return new RedisSettings(options);
    }

    public static string Describe(EndPoint? endpoint) => endpoint switch
    {
        DnsEndPoint dns => $"{dns.Host}:{dns.Port}",
        null => "an unknown endpoint",
        _ => endpoint.ToString()!,
    };

    private static bool Names(string connectionString, string key) => connectionString.Split(',')
        .Any(option => option.Split('=')[0].Trim().Equals(key, StringComparison.OrdinalIgnoreCase) && option.Contains('='));

    private static StoreException Invalid(string why, Exception? inner = null) =>
        StoreException.Unavailable($"ConnectionStrings:Redis cannot be used: {why}.", inner);
}
