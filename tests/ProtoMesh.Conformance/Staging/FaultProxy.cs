using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace ProtoMesh.Conformance.Staging;

/// <summary>A proxy before a service that breaks what its rules say, and remembers what passed.</summary>
internal sealed class FaultProxy : IAsyncDisposable
{
    private static readonly HashSet<string> OfOneConnection = new(["Host", "Connection", "Content-Length", "Transfer-Encoding", "Keep-Alive"], StringComparer.OrdinalIgnoreCase);

    // No pool limit, no redirect, no cookies, no decompression: what comes is passed on as it is.
    private static readonly HttpMessageInvoker Forwarder = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, UseProxy = false });

    private readonly WebApplication _app;
    private readonly Uri _target;
    private readonly IReadOnlyList<FaultRule> _rules;
    private readonly ConcurrentQueue<JsonObject> _requests = new();
    private long _last = Stopwatch.GetTimestamp();

    private FaultProxy(WebApplication app, Uri target, IReadOnlyList<FaultRule> rules) => (_app, _target, _rules) = (app, target, rules);

    public string Url => _app.Urls.Single();

    /// <summary>What passed, in the order of its coming.</summary>
    public JsonArray Requests => new([.. _requests.Select(request => request.DeepClone())]);

    public static async Task<FaultProxy> StartAsync(Uri target, IReadOnlyList<FaultRule> rules)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
        builder.WebHost.ConfigureKestrel(options =>
        {
            options.AddServerHeader = false;
            options.Limits.MaxRequestBodySize = null;
            options.Limits.MinResponseDataRate = null;
        });
        var app = builder.Build();
        var proxy = new FaultProxy(app, target, rules);
        app.Run(proxy.HandleAsync);
        await app.StartAsync();
        return proxy;
    }

    public async ValueTask DisposeAsync()
    {
        // Without a moment's patience: a stream of events would hold it up.
        using var now = new CancellationTokenSource(TimeSpan.Zero);
        await _app.StopAsync(now.Token);
        await _app.DisposeAsync();
    }

    private async Task HandleAsync(HttpContext context)
    {
        var target = context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
        var now = Stopwatch.GetTimestamp();
        var after = Stopwatch.GetElapsedTime(Interlocked.Exchange(ref _last, now), now);
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body, context.RequestAborted);
        var rule = _rules.FirstOrDefault(one => one.Takes(context.Request.Method, target));
        _requests.Enqueue(Record(context.Request, target, body.ToArray(), after, rule));
        try
        {
            await ActAsync(context, target, body.ToArray(), rule?.Do ?? []);
        }
        catch (Exception fault) when (fault is HttpRequestException or IOException or OperationCanceledException)
        {
            // The service is away, or the caller is: either way this connection breaks.
            context.Abort();
        }
    }

    private async Task ActAsync(HttpContext context, string target, byte[] body, JsonObject action)
    {
        if ((string?)action["reset"] == "before")
        {
            context.Abort();
        }
        else if (CannedAnswer.Of(action) is { } canned)
        {
            await canned.WriteAsync(context.Response);
        }
        else
        {
            await Task.Delay((int?)action["delay_ms"] ?? 0, context.RequestAborted);
            if ((bool?)action["duplicate"] == true)
            {
                using var first = await ForwardAsync(context, target, body);
                await first.Content.LoadIntoBufferAsync(context.RequestAborted);
            }

            using var answer = await ForwardAsync(context, target, body);
            await PassOnAsync(context, answer, action);
        }
    }

    private Task<HttpResponseMessage> ForwardAsync(HttpContext context, string target, byte[] body)
    {
        var request = new HttpRequestMessage(new HttpMethod(context.Request.Method), new Uri(_target, target)) { Content = body.Length > 0 ? new ByteArrayContent(body) : null };
        foreach (var (name, value) in context.Request.Headers.Where(header => !OfOneConnection.Contains(header.Key)))
        {
            if (!request.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)value))
            {
                request.Content?.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)value);
            }
        }

        return Forwarder.SendAsync(request, context.RequestAborted);
    }

    private static async Task PassOnAsync(HttpContext context, HttpResponseMessage answer, JsonObject action)
    {
        var response = context.Response;
        if ((string?)action["reset"] == "after")
        {
            await answer.Content.LoadIntoBufferAsync(context.RequestAborted);
            context.Abort();
            return;
        }

        await Task.Delay((int?)action["hold_ms"] ?? 0, context.RequestAborted);
        response.StatusCode = (int)answer.StatusCode;
        foreach (var (name, values) in answer.Headers.Concat(answer.Content.Headers).Where(header => !OfOneConnection.Contains(header.Key)))
        {
            response.Headers[name] = values.ToArray();
        }

        foreach (var (name, value) in (action["headers"] as JsonObject) ?? [])
        {
            response.Headers[name] = (string?)value;
        }

        response.ContentLength = answer.Content.Headers.ContentLength;
        if ((int?)action["truncate"] is { } length)
        {
            var bytes = await answer.Content.ReadAsByteArrayAsync(context.RequestAborted);
            response.ContentLength = bytes.Length;
            await response.Body.WriteAsync(bytes.AsMemory(0, Math.Min(length, bytes.Length - 1)), context.RequestAborted);
            await response.Body.FlushAsync(context.RequestAborted);
            context.Abort();
            return;
        }

        using var cut = new CancellationTokenSource((int?)action["cut_after_ms"] ?? Timeout.Infinite);
        await using var _ = cut.Token.Register(context.Abort);
        await using var source = await answer.Content.ReadAsStreamAsync(context.RequestAborted);
        var buffer = new byte[16_384];
        for (int read; (read = await source.ReadAsync(buffer, context.RequestAborted)) > 0;)
        {
            await response.Body.WriteAsync(buffer.AsMemory(0, read), context.RequestAborted);
            await response.Body.FlushAsync(context.RequestAborted);
        }
    }

    private static JsonObject Record(HttpRequest request, string target, byte[] body, TimeSpan after, FaultRule? rule)
    {
        JsonNode? content = null;
        if (body.Length > 0)
        {
            try
            {
                content = JsonNode.Parse(body);
            }
            catch (JsonException)
            {
                content = Encoding.UTF8.GetString(body);
            }
        }

        return new JsonObject
        {
            ["method"] = request.Method,
            ["path"] = target,
            ["body"] = content,
            ["headers"] = new JsonObject(request.Headers.Select(header => new KeyValuePair<string, JsonNode?>(header.Key.ToLowerInvariant(), header.Value.ToString()))),
            ["after_ms"] = (long)after.TotalMilliseconds,
            ["fault"] = rule?.Do.DeepClone(),
        };
    }
}
