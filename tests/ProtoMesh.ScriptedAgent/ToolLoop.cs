using Microsoft.Extensions.AI;

namespace ProtoMesh.ScriptedAgent;

/// <summary>What every agent framework is at heart: ask the model, run the tools that it calls, all at once, and ask again.</summary>
internal static class ToolLoop
{
    public static async Task<string> RunAsync(IChatClient model, string task, IReadOnlyList<AIFunction> tools, CancellationToken cancellationToken = default)
    {
        List<ChatMessage> conversation = [new(ChatRole.User, task)];
        while (true)
        {
            var answer = await model.GetResponseAsync(conversation, new ChatOptions { Tools = [.. tools] }, cancellationToken);
            conversation.AddRange(answer.Messages);
            var calls = answer.Messages.SelectMany(message => message.Contents).OfType<FunctionCallContent>().ToList();
            if (calls.Count == 0)
            {
                return answer.Text;
            }
            conversation.Add(new(ChatRole.Tool, [.. await Task.WhenAll(calls.Select(call => CallAsync(call, tools, cancellationToken)))]));
        }
    }

    /// <summary>As the frameworks do: a failure is told to the model without its words, unless the caller has left.</summary>
    private static async Task<AIContent> CallAsync(FunctionCallContent call, IReadOnlyList<AIFunction> tools, CancellationToken cancellationToken)
    {
        try
        {
            var tool = tools.Single(tool => tool.Name == call.Name);
            return new FunctionResultContent(call.CallId, await tool.InvokeAsync(new(call.Arguments), cancellationToken));
        }
        catch (Exception failure) when (!cancellationToken.IsCancellationRequested)
        {
            return new FunctionResultContent(call.CallId, "Error: Function failed.") { Exception = failure };
        }
    }
}
