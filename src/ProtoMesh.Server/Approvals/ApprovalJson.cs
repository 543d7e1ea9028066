using System.Text.Encodings.Web;
using System.Text.Json;
using ProtoMesh.Contracts.Approvals;
using ProtoMesh.Server.Access;
using ProtoMesh.Server.Http;
using System.Text.Json.Serialization;

namespace ProtoMesh.Server.Approvals;

/// <summary>How approvals are kept and told, without reflection.</summary>
internal static class ApprovalJson
{
    /// <summary>As the answers of the service are written.</summary>
    public static ApprovalsJson Wire { get; } = new(new JsonSerializerOptions(ApprovalsJson.Default.Options)
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters = { new TimeConverter() },
    });
}

[JsonSourceGenerationOptions(DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(KeyFacts))]
[JsonSerializable(typeof(string[]))]
internal sealed partial class ApprovalKeepJson : JsonSerializerContext;
