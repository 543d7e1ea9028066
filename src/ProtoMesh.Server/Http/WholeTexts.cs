using System.Text.Json;

namespace ProtoMesh.Server.Http;

/// <summary>Half of a surrogate pair is valid JSON but no text; nothing that is kept or compared may hold one.</summary>
internal static class WholeTexts
{
    public static bool AreIn(JsonElement json)
    {
        try
        {
            using var writer = new Utf8JsonWriter(Stream.Null);
            json.WriteTo(writer);
            return true;
        }
        catch (Exception failure) when (failure is InvalidOperationException or ArgumentException)
        {
            return false;
        }
    }
}
