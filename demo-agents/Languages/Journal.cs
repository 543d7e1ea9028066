using System.Globalization;
using System.Text.Json;
using ProtoMesh.Contracts.Journal;

namespace ProtoMesh.Demo.Languages;

/// <summary>Follows what the service says of the record, prints it, and tells when everyone is in the queue.</summary>
internal sealed class Journal(MeshClient mesh, string resource, IReadOnlyList<Contender> expected, Timeline timeline)
{
    private readonly TaskCompletionSource _allWait = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly HashSet<string> _waiting = [];

    public Task AllWait => _allWait.Task;

    public async Task FollowAsync(CancellationToken cancellationToken)
    {
        await foreach (var happened in mesh.Events.StreamAsync(new() { Resource = resource }, lastEventId: 0, cancellationToken))
        {
            timeline.Add(happened.AgentId ?? "", Number(happened, "priority"), happened.Type["lock.".Length..], null, Why(happened));
            if (happened is { Type: "lock.queued", AgentId: { } agent } && expected.Any(contender => contender.Name == agent))
            {
                _waiting.Add(agent);
                if (_waiting.Count == expected.Count)
                {
                    _allWait.TrySetResult();
                }
            }
        }
    }

    private static string Why(MeshEvent happened) => happened.Type switch
    {
        "lock.queued" => $"for {Action(happened)}",
        "lock.granted" when Number(happened, "waited_ms") is > 0 and var waited => string.Create(CultureInfo.InvariantCulture, $"after {waited / 1000.0:0.0} s, by {happened.Cause}"),
        "lock.granted" => "it was free",
        _ => happened.Cause ?? "",
    };

    private static string Action(MeshEvent queued) =>
        queued.Data is { } data && data.TryGetProperty("request", out var request) && request.TryGetProperty("metadata", out var metadata)
            ? $"{request.GetProperty("action").GetString()} of ${metadata.GetProperty("estimated_cost")}"
            : "the record";

    private static int? Number(MeshEvent happened, string name) =>
        happened.Data is { ValueKind: JsonValueKind.Object } data && data.TryGetProperty(name, out var value) ? value.GetInt32() : null;
}
