using System.Text.Json.Serialization;

namespace ProtoMesh.Demo;

/// <summary>What the agents share. It is whole when the balance is the opening balance and all notes together.</summary>
internal sealed record CustomerRecord(string Customer, decimal Opening, decimal Balance, IReadOnlyList<Note> Notes)
{
    [JsonIgnore]
    public bool IsWhole => Balance == Opening + Notes.Sum(note => note.Amount);
}

/// <summary>One update: who made it, under which fencing token, and what it changes the balance by.</summary>
internal sealed record Note(string By, long Token, decimal Amount, string Text);

[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(CustomerRecord))]
internal sealed partial class CustomerJson : JsonSerializerContext;
