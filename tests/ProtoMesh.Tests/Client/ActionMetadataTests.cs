using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace ProtoMesh.Tests.Client;

public sealed class ActionMetadataTests
{
    [Fact]
    public void The_arguments_of_a_tool_call_become_JSON()
    {
        using var json = JsonDocument.Parse("""{"a":[1,{"b":null}],"n":1.50,"t":"x"}""");
        var arguments = new Dictionary<string, object?>
        {
            ["nothing"] = null,
            ["text"] = "refund \"42\"",
            ["yes"] = true,
            ["whole"] = 7,
            ["large"] = 9_007_199_254_740_993L,
            ["money"] = 12.50m,
            ["real"] = 0.5,
            ["id"] = Guid.Empty,
            ["at"] = DateTimeOffset.Parse("2026-11-21T12:00:00Z", CultureInfo.InvariantCulture),
            ["node"] = new JsonObject { ["deep"] = new JsonArray(1, 2) },
            ["element"] = json.RootElement,
            ["list"] = new List<int> { 1, 2 },
            ["mixed"] = new object?[] { "a", null, 3.5f },
            ["counts"] = new Dictionary<string, int> { ["a"] = 1 },
            ["inner"] = new Dictionary<string, object?> { ["b"] = new[] { true } },
        };

        var metadata = ActionMetadata.From(arguments);

        var expected = JsonNode.Parse(
            """
            {"nothing":null,"text":"refund \"42\"","yes":true,"whole":7,"large":9007199254740993,"money":12.50,"real":0.5,
             "id":"00000000-0000-0000-0000-000000000000","at":"2026-11-21T12:00:00+00:00","node":{"deep":[1,2]},
             "element":{"a":[1,{"b":null}],"n":1.50,"t":"x"},"list":[1,2],"mixed":["a",null,3.5],"counts":{"a":1},"inner":{"b":[true]}}
            """);
        Assert.True(JsonNode.DeepEquals(expected, JsonNode.Parse(metadata.ToJsonString())), metadata.ToJsonString());
    }

    [Fact]
    public void A_value_that_is_not_JSON_is_named_by_its_path()
    {
        Assert.StartsWith("order.lines[1] ", Refusal(new() { ["order"] = new Dictionary<string, object?> { ["lines"] = new object[] { 1, new Uri("http://a") } } }));
        Assert.StartsWith("cost ", Refusal(new() { ["cost"] = double.NaN }));
        Assert.StartsWith("cost ", Refusal(new() { ["cost"] = float.PositiveInfinity }));
        Assert.StartsWith("counts ", Refusal(new() { ["counts"] = new Dictionary<int, int> { [1] = 1 } }));

        static string Refusal(Dictionary<string, object?> values) => Assert.Throws<ArgumentException>(() => ActionMetadata.From(values)).Message;
    }
}
