using System.Text.Json;
using System.Text.Json.Serialization;

namespace ProtoMesh.Demo;

/// <summary>What an agent tells the conductor, one line of JSON each on its standard output.</summary>
internal sealed record Report(What What, string Why)
{
    public long? Token { get; init; }

    /// <summary>The rule of the policy that spoke against it.</summary>
    public string? Rule { get; init; }

    /// <summary>The decision that allowed it.</summary>
    public string? Decision { get; init; }

    public void Tell() => Console.WriteLine(JsonSerializer.Serialize(this, ReportJson.Default.Report));
}

internal enum What
{
    Asks,
    Queued,
    Granted,
    Repaired,
    HalfWritten,
    Written,
    Released,
    Lost,
    Refused,
    Denied,
    Told,
    Allowed,
    Says,
}

[JsonSourceGenerationOptions(UseStringEnumConverter = true, PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(Report))]
internal sealed partial class ReportJson : JsonSerializerContext;
