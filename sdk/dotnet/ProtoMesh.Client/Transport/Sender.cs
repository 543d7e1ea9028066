using System.Globalization;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Reflection;
using System.Text.Json;
using ProtoMesh.Contracts;

namespace ProtoMesh.Transport;

/// <summary>
/// Sends a call until it has an answer, the answer is final, or its time is up. Calls can be repeated: requests carry
/// their id and the others say the state they want. The one that cannot says so by <see cref="Call.Once"/>.
/// </summary>
internal sealed class Sender(HttpClient http, MeshClientOptions options)
{
    private static readonly string Agent =
        $"protomesh-dotnet/{typeof(Sender).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0"}";

    private const string VersionHeader = "ProtoMesh-Version";
    private static readonly string Version = typeof(Sender).Assembly.GetName().Version!.ToString(3);
    private static readonly string Major = Version[..Version.IndexOf('.', StringComparison.Ordinal)];

    private readonly TimeProvider _time = options.TimeProvider;
    private readonly Uri[] _baseUrls = [.. options.BaseUrls.Select(AsFolder)];
    private readonly string? _key = options.ApiKey is { } key ? new AuthenticationHeaderValue("Bearer", key).ToString() : null;
    private int _current;
    private volatile bool _closed;

    /// <summary>From now on what fails is not worth a retry.</summary>
    public void Close() => _closed = true;

    public bool IsClosed => _closed;

    /// <param name="call">What to send.</param>
    /// <param name="read">Reads the body of a 2xx from its status; a <see cref="JsonException"/> means that it is damaged or another service's.</param>
    /// <param name="cancellationToken">The caller's own.</param>
    /// <exception cref="MeshException">A final answer, or the last failure when the time was up.</exception>
    public async Task<Reply<T>> SendAsync<T>(Call call, Func<int, byte[], T?> read, CancellationToken cancellationToken)
        where T : class
    {
        var until = call.Until ?? After(options.RetryFor);
        var backoff = new Backoff();
        for (var attempt = 1; ; attempt++)
        {
            var at = Volatile.Read(ref _current);
            MeshException failure;
            try
            {
                // The time for retries does not cut the first attempt: none at all means one attempt.
                return await TryOnceAsync(
                    call, _baseUrls[at % _baseUrls.Length], attempt == 1 ? call.Until ?? long.MaxValue : until, read, cancellationToken);
            }
            catch (MeshException fault) when (IsTransient(fault) && (!call.Once || WasRefused(fault)))
            {
                failure = fault;
            }
            // Whoever failed first moves on; others that failed at the same address must not skip the next one.
            Interlocked.CompareExchange(ref _current, at + 1, at);
            var delay = attempt < _baseUrls.Length ? TimeSpan.Zero : Longer(backoff.Next(), failure.RetryAfter);
            if (Remaining(until) <= delay)
            {
                throw failure;
            }
            if (delay > TimeSpan.Zero)
            {
                await Task.Delay(delay, _time, cancellationToken);
            }
        }
    }

    /// <summary>Opens a stream of events: the answer's body is left to the caller, who also retries.</summary>
    public async Task<HttpResponseMessage> OpenStreamAsync(string path, string? lastEventId, CancellationToken cancellationToken)
    {
        var at = Volatile.Read(ref _current);
        var url = new Uri(_baseUrls[at % _baseUrls.Length], path);
        using var request = Request(HttpMethod.Get, url);
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("text/event-stream"));
        if (lastEventId is not null)
        {
            request.Headers.Add("Last-Event-ID", lastEventId);
        }
        HttpResponseMessage? response = null;
        try
        {
            using var timer = new CancellationTokenSource(options.AttemptTimeout, _time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(timer.Token, cancellationToken);
            response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, either.Token);
            RefuseRedirect(response, url);
            RefuseOtherVersions(response, url);
            if (response.IsSuccessStatusCode && MediaType(response) == "text/event-stream")
            {
                return response;
            }
            var body = await response.Content.ReadAsByteArrayAsync(either.Token);
            response.Dispose();
            throw Problems.ToException(response.IsSuccessStatusCode
                ? Problems.NotProtoMesh(url, (int)response.StatusCode, MediaType(response))
                : Problems.Read((int)response.StatusCode, body, url, MediaType(response), RetryAfter(response)));
        }
        catch (Exception fault) when (!cancellationToken.IsCancellationRequested && IsNetworkFault(fault))
        {
            response?.Dispose();
            Interlocked.CompareExchange(ref _current, at + 1, at);
            throw Unreachable(url, fault);
        }
    }

    private async Task<Reply<T>> TryOnceAsync<T>(
        Call call, Uri baseUrl, long until, Func<int, byte[], T?> read, CancellationToken cancellationToken)
        where T : class
    {
        var url = new Uri(baseUrl, call.Path);
        using var request = Request(call.Method, url);
        if (call.Body is { } body)
        {
            request.Content = new ByteArrayContent(body);
            request.Content.Headers.TryAddWithoutValidation("Content-Type", call.MediaType);
        }
        if (call.Hold is { } hold)
        {
            request.Headers.TryAddWithoutValidation("Prefer", string.Create(CultureInfo.InvariantCulture, $"wait={(int)Math.Ceiling(hold.TotalSeconds)}"));
        }
        if (call.IfMatch is { } match)
        {
            request.Headers.TryAddWithoutValidation("If-Match", match);
        }
        var limit = options.AttemptTimeout + (call.Hold ?? TimeSpan.Zero);
        var remaining = Remaining(until);
        using var timer = new CancellationTokenSource(remaining < limit ? Longer(remaining, TimeSpan.FromMilliseconds(1)) : limit, _time);
        // One source for both reasons: the token of most callers never fires, and this is in the way of every call.
        await using var caller = cancellationToken.UnsafeRegister(static timer => ((CancellationTokenSource)timer!).Cancel(), timer);
        var sent = _time.GetTimestamp();
        try
        {
            using var response = await http.SendAsync(request, HttpCompletionOption.ResponseContentRead, timer.Token);
            var bytes = await response.Content.ReadAsByteArrayAsync(timer.Token);
            return new Reply<T>(Read(call, response, bytes, url, read), sent);
        }
        catch (Exception fault) when (fault is ObjectDisposedException
            || (_closed && !cancellationToken.IsCancellationRequested && IsNetworkFault(fault)))
        {
            throw Problems.ToException(Problems.Closed(), fault);
        }
        catch (Exception fault) when (!cancellationToken.IsCancellationRequested && IsNetworkFault(fault))
        {
            throw Unreachable(url, fault);
        }
    }

    private T Read<T>(Call call, HttpResponseMessage response, byte[] bytes, Uri url, Func<int, byte[], T?> read)
        where T : class
    {
        RefuseRedirect(response, url);
        RefuseOtherVersions(response, url);
        var (status, mediaType) = ((int)response.StatusCode, MediaType(response));
        if (!response.IsSuccessStatusCode && !(status == 503 && call.Reads503 && mediaType == "application/json"))
        {
            throw Problems.ToException(Problems.Read(status, bytes, url, mediaType, RetryAfter(response)));
        }
        if (!IsJson(mediaType))
        {
            throw Problems.ToException(Problems.NotProtoMesh(url, status, mediaType));
        }
        try
        {
            return read(status, bytes) ?? throw new JsonException("The answer is null.");
        }
        catch (JsonException fault) when (IsWhole(bytes))
        {
            throw Problems.ToException(Problems.NotProtoMesh(url, status, mediaType), fault);
        }
        catch (JsonException fault)
        {
            throw Problems.ToException(Problems.Unreachable($"The answer of {Problems.Origin(url)} arrived damaged: {fault.Message}"), fault);
        }
    }

    /// <summary>Wherever it points would get what was meant for the service.</summary>
    private static void RefuseRedirect(HttpResponseMessage response, Uri url)
    {
        if ((int)response.StatusCode is >= 300 and < 400)
        {
            throw Problems.ToException(Problems.Redirected(url, (int)response.StatusCode, response.Headers.Location));
        }
    }

    /// <summary>An answer without the header is judged by its body: proxies may drop headers.</summary>
    private static void RefuseOtherVersions(HttpResponseMessage response, Uri url)
    {
        if (response.Headers.NonValidated.TryGetValues(VersionHeader, out var values)
            && values.ToString() is { } theirs && !theirs.AsSpan(0, theirs.IndexOf('.') is var dot and >= 0 ? dot : theirs.Length).SequenceEqual(Major))
        {
            throw Problems.ToException(Problems.VersionMismatch(url, (int)response.StatusCode, theirs, Version));
        }
    }

    /// <summary>Undamaged JSON that is not what the call answers comes from some other service.</summary>
    private static bool IsWhole(byte[] body)
    {
        try
        {
            using var document = JsonDocument.Parse(body);
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private static bool IsJson(string? mediaType) => mediaType == "application/json" || mediaType == "application/problem+json";

    private static string? MediaType(HttpResponseMessage response) =>
        response.Content.Headers.NonValidated.TryGetValues("Content-Type", out var values) && values.ToString() is "application/json; charset=utf-8" or "application/json"
            ? "application/json"
            : response.Content.Headers.ContentType?.MediaType;

    /// <summary>A path is kept: calls are relative to it, as behind a proxy that gives the service a path of its own.</summary>
    private static Uri AsFolder(Uri url) => url.AbsolutePath.EndsWith('/') ? url : new Uri(url.GetLeftPart(UriPartial.Path) + "/");

    private HttpRequestMessage Request(HttpMethod method, Uri url)
    {
        var request = new HttpRequestMessage(method, url);
        // Written here, so there is nothing to validate; every call pays for each header.
        request.Headers.TryAddWithoutValidation("User-Agent", Agent);
        if (_key is not null)
        {
            request.Headers.TryAddWithoutValidation("Authorization", _key);
        }
        return request;
    }

    private static MeshException Unreachable(Uri url, Exception fault) => Problems.ToException(
        Problems.Unreachable(fault is OperationCanceledException
            ? $"{Problems.Origin(url)} did not answer in time."
            : $"{Problems.Origin(url)} could not be reached: {fault.Message}"),
        fault);

    private static bool IsNetworkFault(Exception fault) => fault is HttpRequestException or IOException or OperationCanceledException;

    /// <summary>Nobody listened, so nothing was sent.</summary>
    private static bool WasRefused(MeshException fault)
    {
        for (var inner = fault.InnerException; inner is not null; inner = inner.InnerException)
        {
            if (inner is SocketException { SocketErrorCode: SocketError.ConnectionRefused })
            {
                return true;
            }
        }
        return false;
    }

    /// <summary>A full queue is retryable too, but its caller may have something better to do than to wait here.</summary>
    private static bool IsTransient(MeshException fault) =>
        fault.Retryable && (fault is UnavailableException || fault.Problem.Status >= 500);

    private TimeSpan? RetryAfter(HttpResponseMessage response) => response.Headers.RetryAfter switch
    {
        { Delta: { } delta } => delta,
        { Date: { } date } => Longer(date - _time.GetUtcNow(), TimeSpan.Zero),
        _ => null,
    };

    private long After(TimeSpan span) => _time.GetTimestamp() + (long)(span.TotalSeconds * _time.TimestampFrequency);

    private TimeSpan Remaining(long until) => _time.GetElapsedTime(_time.GetTimestamp(), until);

    private static TimeSpan Longer(TimeSpan one, TimeSpan? other) => other > one ? other.Value : one;
}
