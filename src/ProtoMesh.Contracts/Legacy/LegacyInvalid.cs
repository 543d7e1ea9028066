using System.Text.Json;
using System.Text.Json.Nodes;

namespace ProtoMesh.Contracts.Legacy;

/// <summary>The answer, with HTTP 422, to a body that is not what the call takes; the shape is FastAPI's.</summary>
public sealed record LegacyInvalid
{
    /// <summary>Each field that is wrong.</summary>
    public required IReadOnlyList<LegacyFault> Detail { get; init; }
}

/// <summary>One field that is wrong.</summary>
public sealed record LegacyFault
{
    /// <summary>Pydantic's name of the rule, such as <c>missing</c> or <c>int_parsing</c>.</summary>
    public required string Type { get; init; }

    /// <summary><c>body</c>, then the way to the field.</summary>
    public required IReadOnlyList<JsonNode> Loc { get; init; }

    /// <summary>The rule in words.</summary>
    public required string Msg { get; init; }

    /// <summary>What was sent; of a missing field, all that was sent.</summary>
    public required JsonElement Input { get; init; }

    /// <summary>The rule's own values, such as a limit.</summary>
    public JsonObject? Ctx { get; init; }
}
