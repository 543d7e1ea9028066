using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace ProtoMesh.Demo.CSharp;

/// <summary>A small loop around a chat model, whose tool asks ProtoMesh before it pays.</summary>
internal sealed class RefundAgent(Assignment job, MeshClient mesh, IChatModel model) : IDisposable
{
    private const int MostTurns = 12;

    private static readonly TimeSpan BankTime = TimeSpan.FromMilliseconds(300);

    private readonly HttpClient _records = new() { BaseAddress = job.Records };

    public static async Task RunAsync(Assignment job, CancellationToken cancellationToken)
    {
        using var real = Provider.FromEnvironment() is { } provider ? new ChatModel(provider) : null;
        await using var mesh = new MeshClient(new() { BaseUrls = [job.Url], AgentId = job.Agent, Namespace = job.Namespace });
        using var agent = new RefundAgent(job, mesh, (IChatModel?)real ?? new ScriptedModel(job.Customer, job.Wanted));
        await agent.WorkAsync(cancellationToken);
    }

    public void Dispose() => _records.Dispose();

    private async Task WorkAsync(CancellationToken cancellationToken)
    {
        var instructions = JsonNode.Parse(await File.ReadAllTextAsync(Path.Combine(AppContext.BaseDirectory, "refunds.json"), cancellationToken))!;
        var messages = new JsonArray(Message("system", (string)instructions["system"]!), Message("user", job.Task));
        for (var turn = 0; turn < MostTurns; turn++)
        {
            var answer = await model.AnswerAsync(messages, instructions["tools"]!, cancellationToken);
            messages.Add(answer);
            if (answer["tool_calls"] is not JsonArray { Count: > 0 } calls)
            {
                Tell(What.Says, (string?)answer["content"] ?? "nothing");
                return;
            }
            // A model may call several tools at once. Even two refunds are safe: the second waits for the first.
            foreach (var result in await Task.WhenAll(calls.Select(call => ResultAsync(call!, cancellationToken))))
            {
                messages.Add(result);
            }
        }
        throw new ModelException($"The model did not come to an end in {MostTurns} turns.");
    }

    private async Task<JsonObject> ResultAsync(JsonNode call, CancellationToken cancellationToken)
    {
        var function = call["function"]!;
        var result = Message("tool", await UseAsync((string)function["name"]!, (string)function["arguments"]!, cancellationToken));
        result["tool_call_id"] = call["id"]!.DeepClone();
        return result;
    }

    /// <summary>A model's mistakes are answered in words too: it can do better at the next turn.</summary>
    private async Task<string> UseAsync(string tool, string text, CancellationToken cancellationToken)
    {
        string customer;
        decimal amount;
        try
        {
            var arguments = JsonNode.Parse(text)!.AsObject();
            (customer, amount) = ((string)arguments["customer_id"]!, (decimal?)arguments["amount"] ?? 0);
        }
        catch (Exception fault) when (fault is JsonException or InvalidOperationException or FormatException or NullReferenceException)
        {
            return $"Not done: the arguments of {tool} are not JSON of the tool's schema. Call it again.";
        }
        try
        {
            return tool switch
            {
                "read_customer" => JsonSerializer.Serialize(await ReadAsync(customer, cancellationToken), CustomerJson.Default.CustomerRecord),
                "refund" when amount > 0 => await RefundAsync(customer, amount, cancellationToken),
                _ => $"Not done: there is no tool {tool} for this.",
            };
        }
        catch (HttpRequestException refusal) when (refusal.StatusCode is { } status)
        {
            return $"Not done: the record of customer {customer} answered {(int)status}.";
        }
    }

    private async Task<string> RefundAsync(string customer, decimal amount, CancellationToken cancellationToken)
    {
        Tell(What.Asks, $"to pay back {Dollars(amount)} for {job.Claim}");
        await using var guard = await mesh.GuardAsync("refund", $"customer/{customer}", new()
        {
            Priority = job.Priority,
            Wait = TimeSpan.FromMinutes(2),
            Ttl = TimeSpan.FromSeconds(10),
            Reason = job.Claim,
            Metadata = new() { ["agent_role"] = job.Role, ["estimated_cost"] = amount },
        }, cancellationToken);
        if (guard.Lease is not { } lease)
        {
            Tell(What.Denied, guard.Text!);
            return guard.Text!;
        }
        try
        {
            return await guard.RunAsync(stop => PayAsync(customer, amount, lease.FencingToken, stop), cancellationToken);
        }
        catch (LeaseLostException)
        {
            return guard.Text!;
        }
    }

    /// <summary>Runs under the lock, so that nobody pays between the look at the record and the payment.</summary>
    private async Task<string> PayAsync(string customer, decimal amount, long token, CancellationToken cancellationToken)
    {
        var record = await ReadAsync(customer, cancellationToken);
        if (record.Notes.Any(note => note.Text == job.Claim))
        {
            return $"{job.Claim} has been paid before; nothing was done.";
        }
        // A bank takes its time, and whoever got in between would be overwritten.
        await Task.Delay(BankTime, TimeProvider.System, cancellationToken);
        var paid = record with { Balance = record.Balance - amount, Notes = [.. record.Notes, new Note(job.Agent, token, -amount, job.Claim)] };
        // The record compares the token: a writer that was stopped for too long is refused there, whatever it believes.
        using var request = new HttpRequestMessage(HttpMethod.Put, Address(customer));
        request.Headers.Add("Fencing-Token", token.ToString(CultureInfo.InvariantCulture));
        request.Content = JsonContent.Create(paid, CustomerJson.Default.CustomerRecord);
        using var saved = await _records.SendAsync(request, cancellationToken);
        saved.EnsureSuccessStatusCode();
        return $"Paid back {Dollars(amount)} for {job.Claim}.";
    }

    private async Task<CustomerRecord> ReadAsync(string customer, CancellationToken cancellationToken) =>
        (await _records.GetFromJsonAsync(Address(customer), CustomerJson.Default.CustomerRecord, cancellationToken))!;

    private static Uri Address(string customer) => new($"customers/{Uri.EscapeDataString(customer)}", UriKind.Relative);

    private static JsonObject Message(string role, string content) => new() { ["role"] = role, ["content"] = content };

    private static string Dollars(decimal amount) => string.Create(CultureInfo.InvariantCulture, $"${amount:0.##}");

    private static void Tell(What what, string why) => new Report(what, why).Tell();
}
