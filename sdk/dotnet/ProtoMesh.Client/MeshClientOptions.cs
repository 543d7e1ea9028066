using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace ProtoMesh;

/// <summary>How a <see cref="MeshClient"/> finds the service and who it speaks for.</summary>
public sealed record MeshClientOptions
{
    /// <summary>
    /// Where replicas of one service listen; the client stays with one and moves on when it fails. By default what
    /// <c>PROTOMESH_URL</c> lists (separated by commas), else <c>http://localhost:8000</c>.
    /// </summary>
    public IReadOnlyList<Uri> BaseUrls { get; init; } = UrlsFromEnvironment();

    /// <summary>Who asks, 1-128 bytes. By default <c>PROTOMESH_AGENT_ID</c>, else host, process id and a random part.</summary>
    public string AgentId { get; init; } = AgentFromEnvironment();

    /// <summary>
    /// The key that lets this agent in, sent as <c>Authorization: Bearer</c>. By default <c>PROTOMESH_API_KEY</c>, else none.
    /// </summary>
    public string? ApiKey { get; init; } = KeyFromEnvironment();

    /// <summary>Which run of the agent asks, 1-128 bytes; none.</summary>
    public string? SessionId { get; init; }

    /// <summary>The namespace of every resource that does not say otherwise; the service's <c>default</c>.</summary>
    public string? Namespace { get; init; }

    /// <summary>
    /// Sends the requests; it is not disposed with the client. By default the client has its own, which follows no
    /// redirects: one that does so sends requests to wherever they point.
    /// </summary>
    public HttpClient? HttpClient { get; init; }

    /// <summary>The clock and its timers; the system's.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>How long one attempt may take beyond the time for which the service was asked to hold it open; 5 s.</summary>
    public TimeSpan AttemptTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a call that does not wait in a queue is retried while the service cannot be reached; 5 s. Zero tries once.</summary>
    public TimeSpan RetryFor { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Told in a sentence what a developer should know and no call can say: leases that were still held when the client was
    /// disposed, and guards that let an action run without the service. By default it goes to <see cref="Trace"/>.
    /// </summary>
    public Action<string> OnWarning { get; init; } = static warning => Trace.TraceWarning(warning);

    internal void Check()
    {
        if (BaseUrls.Count == 0 || BaseUrls.Any(url => !IsHttp(url)))
        {
            throw new ArgumentException(
                $"{nameof(BaseUrls)} needs at least one URL such as http://localhost:8000, and has {string.Join(", ", BaseUrls.Select(Shown).DefaultIfEmpty())}.");
        }
        if (BaseUrls.Any(url => url.UserInfo.Length > 0))
        {
            throw new ArgumentException(
                $"{nameof(BaseUrls)} must not have a user name or password in them, which is not repeated here. The key goes into {nameof(ApiKey)}.");
        }
        // What the platform would say at the first call repeats the key.
        if (ApiKey is not null && (ApiKey.Length == 0 || ApiKey.AsSpan().ContainsAnyExceptInRange('!', '~')))
        {
            throw new ArgumentException(
                $"{nameof(ApiKey)} is printable ASCII without spaces and line breaks, and what was given is not; it is not repeated here.");
        }
        Durations.Check(AttemptTimeout, nameof(AttemptTimeout));
        Durations.Check(RetryFor, nameof(RetryFor));
    }

    private static bool IsHttp(Uri url) => url.IsAbsoluteUri && (url.Scheme is "http" or "https");

    /// <summary>What may hold a password is not shown.</summary>
    private static string Shown(Uri url) => url.OriginalString.Contains('@', StringComparison.Ordinal) ? "***" : url.ToString();

    /// <summary>A key does not belong in a log, and this is how a record gets there.</summary>
    private bool PrintMembers(StringBuilder builder)
    {
        builder.Append(CultureInfo.InvariantCulture, $"{nameof(BaseUrls)} = {string.Join(", ", BaseUrls.Select(Shown))}, {nameof(AgentId)} = {AgentId}");
        builder.Append(CultureInfo.InvariantCulture, $", {nameof(SessionId)} = {SessionId}, {nameof(Namespace)} = {Namespace}");
        builder.Append(ApiKey is null ? "" : $", {nameof(ApiKey)} = ***");
        return true;
    }

    private static string? KeyFromEnvironment()
    {
        var key = Environment.GetEnvironmentVariable("PROTOMESH_API_KEY");
        return string.IsNullOrWhiteSpace(key) ? null : key.Trim();
    }

    private static Uri[] UrlsFromEnvironment()
    {
        var text = Environment.GetEnvironmentVariable("PROTOMESH_URL");
        return string.IsNullOrWhiteSpace(text)
            ? [new Uri("http://localhost:8000")]
            : [.. text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(url => new Uri(url, UriKind.RelativeOrAbsolute))];
    }

    private static string AgentFromEnvironment()
    {
        var agent = Environment.GetEnvironmentVariable("PROTOMESH_AGENT_ID");
        if (!string.IsNullOrEmpty(agent))
        {
            return agent;
        }
        var host = Environment.MachineName;
        while (Encoding.UTF8.GetByteCount(host) > 100)
        {
            host = host[..^1];
        }
        return $"{host}-{Environment.ProcessId}-{RandomNumberGenerator.GetHexString(6, lowercase: true)}";
    }
}
