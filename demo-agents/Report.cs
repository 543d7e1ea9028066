using System.Text.Json.Serialization;

namespace ProtoMesh.Demo;

/// <summary>What an agent tells the conductor, one line of JSON each on its standard output.</summary>
internal sealed record Report(What What, string Why)
{
    public long? Token { get; init; }
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
}

[JsonSourceGenerationOptions(UseStringEnumConverter = true)]
[JsonSerializable(typeof(Report))]
internal sealed partial class ReportJson : JsonSerializerContext;
