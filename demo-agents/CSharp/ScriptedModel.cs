using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace ProtoMesh.Demo.CSharp;

/// <summary>What a sensible model would do, without one: it reads the record, asks for all, and takes what it is told it may.</summary>
internal sealed partial class ScriptedModel(string customer, decimal wanted) : IChatModel
{
    public Task<JsonObject> AnswerAsync(JsonArray messages, JsonNode tools, CancellationToken cancellationToken)
    {
        var last = messages[^1]!;
        var content = (string)last["content"]!;
        return Task.FromResult(
            (string?)last["role"] == "user" ? Call("read_customer", new() { ["customer_id"] = customer })
            : content.StartsWith('{') ? Refund(wanted)
            : Limit().Match(content) is { Success: true } limit ? Refund(decimal.Parse(limit.Groups[1].ValueSpan, CultureInfo.InvariantCulture))
            : new JsonObject { ["role"] = "assistant", ["content"] = content });
    }

    private JsonObject Refund(decimal amount) => Call("refund", new() { ["customer_id"] = customer, ["amount"] = amount });

    private static JsonObject Call(string name, JsonObject arguments)
    {
        var function = new JsonObject { ["name"] = name, ["arguments"] = arguments.ToJsonString() };
        var call = new JsonObject { ["id"] = $"call_{name}", ["type"] = "function", ["function"] = function };
        return new JsonObject { ["role"] = "assistant", ["tool_calls"] = new JsonArray(call) };
    }

    [GeneratedRegex(@"estimated_cost <= (\d+)")]
    private static partial Regex Limit();
}
