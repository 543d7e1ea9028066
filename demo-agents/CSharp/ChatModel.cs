using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace ProtoMesh.Demo.CSharp;

/// <summary>A model behind the chat completions API, which Gemini, Groq and OpenAI share.</summary>
internal sealed class ChatModel(Provider provider) : IChatModel, IDisposable
{
    private const int Attempts = 5;
    private const int MostWords = 500;

    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(30);
    private static readonly string[] Kept = ["role", "content", "tool_calls"];

    // The key is for this address only, so no redirect is followed.
    private readonly HttpClient _http = new(new SocketsHttpHandler { AllowAutoRedirect = false }) { Timeout = TimeSpan.FromSeconds(60) };

    public async Task<JsonObject> AnswerAsync(JsonArray messages, JsonNode tools, CancellationToken cancellationToken)
    {
        var body = new JsonObject { ["model"] = provider.Model, ["messages"] = messages.DeepClone(), ["tools"] = tools.DeepClone() }.ToJsonString();
        for (var attempt = 1; ; attempt++)
        {
            using var response = await PostAsync(body, cancellationToken);
            if (response is { IsSuccessStatusCode: true })
            {
                return Message(await response.Content.ReadAsStringAsync(cancellationToken));
            }
            var mayPass = response is null or { StatusCode: HttpStatusCode.TooManyRequests or >= HttpStatusCode.InternalServerError };
            var pause = response?.Headers.RetryAfter?.Delta ?? TimeSpan.FromSeconds(Math.Pow(2, attempt - 1));
            if (!mayPass || pause > LongestPause || attempt == Attempts)
            {
                throw new ModelException(await WhyAsync(response, cancellationToken));
            }
            await Task.Delay(pause, TimeProvider.System, cancellationToken);
        }
    }

    public void Dispose() => _http.Dispose();

    /// <returns>Null when there was no answer.</returns>
    private async Task<HttpResponseMessage?> PostAsync(string body, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(provider.BaseUrl, "chat/completions"));
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", provider.Key);
        request.Content = new StringContent(body, Encoding.UTF8, "application/json");
        try
        {
            return await _http.SendAsync(request, cancellationToken);
        }
        catch (Exception fault) when (fault is HttpRequestException || (fault is TaskCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return null;
        }
    }

    private JsonObject Message(string body)
    {
        try
        {
            var message = JsonNode.Parse(body)!["choices"]![0]!["message"]!.AsObject();
            // Sent back with the next request: the calls word by word, since a provider may have signed them, and no field
            // that another provider would not know.
            return new JsonObject(message.Where(field => Kept.Contains(field.Key) && field.Value is not null)
                .Select(field => KeyValuePair.Create(field.Key, field.Value?.DeepClone())));
        }
        catch (Exception fault) when (fault is JsonException or InvalidOperationException or NullReferenceException or ArgumentOutOfRangeException)
        {
            throw new ModelException($"{provider.Name} answered without a message.");
        }
    }

    private async Task<string> WhyAsync(HttpResponseMessage? response, CancellationToken cancellationToken)
    {
        if (response is null)
        {
            return $"{provider.Name} cannot be reached at {provider.BaseUrl}.";
        }
        var status = ((int)response.StatusCode).ToString(CultureInfo.InvariantCulture);
        if (response.StatusCode is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden)
        {
            // Its own words may quote the key.
            return $"{provider.Name} does not accept {provider.Name.ToUpperInvariant()}_API_KEY ({status}).";
        }
        var words = (await response.Content.ReadAsStringAsync(cancellationToken)).Replace(provider.Key, "***", StringComparison.Ordinal);
        return $"{provider.Name} answered {status}: {string.Join(' ', words[..Math.Min(words.Length, MostWords)].Split(default(char[]), StringSplitOptions.RemoveEmptyEntries))}";
    }
}
