using System.Runtime.CompilerServices;
using Microsoft.Extensions.AI;

namespace ProtoMesh.ScriptedAgent;

/// <summary>A model whose turns are written down: each reads the conversation, as the real ones do, and says what comes next.</summary>
internal sealed class ScriptedModel(params Func<IReadOnlyList<ChatMessage>, ChatMessage>[] turns) : IChatClient
{
    private int _turn;

    /// <summary>A turn that calls tools, all at once.</summary>
    public static ChatMessage Calls(params (string Tool, Dictionary<string, object?> Arguments)[] calls) =>
        new(ChatRole.Assistant, [.. calls.Select((call, number) => new FunctionCallContent($"call-{number}", call.Tool, call.Arguments))]);

    /// <summary>The turn that ends the conversation.</summary>
    public static ChatMessage Says(string text) => new(ChatRole.Assistant, text);

    /// <summary>What the tools answered last, as the model reads it.</summary>
    public static IReadOnlyList<string> Results(IReadOnlyList<ChatMessage> conversation) =>
        [.. conversation[^1].Contents.OfType<FunctionResultContent>().Select(result => $"{result.Result}")];

    public Task<ChatResponse> GetResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default) =>
        Task.FromResult(new ChatResponse(turns[_turn++]([.. messages])));

    public async IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        foreach (var update in (await GetResponseAsync(messages, options, cancellationToken)).ToChatResponseUpdates())
        {
            yield return update;
        }
    }

    public object? GetService(Type serviceType, object? serviceKey = null) => null;

    public void Dispose()
    {
    }
}
