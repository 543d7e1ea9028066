using System.Text.Encodings.Web;
using System.Text.Json;
using ProtoMesh.Contracts.Journal;
using ProtoMesh.Server.Http;

namespace ProtoMesh.Server.Journal;

/// <summary>Events as all other answers are written: readable text, times with a Z.</summary>
internal static class EventJson
{
    public static JournalJson Wire { get; } = new(new JsonSerializerOptions(JournalJson.Default.Options)
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters = { new TimeConverter() },
    });
}
