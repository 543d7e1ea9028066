using System.Globalization;
using System.Text.Json.Nodes;
using ProtoMesh.Conformance.Scenarios;

namespace ProtoMesh.Conformance.Suite;

/// <summary>A scenario of which one expectation must not hold.</summary>
internal static class Mutant
{
    public static IEnumerable<Scenario> AllOf(Scenario scenario)
    {
        var count = PlacesOf(scenario.Content).Count;
        for (var index = 0; index < count; index++)
        {
            var content = (JsonObject)scenario.Content.DeepClone();
            var place = PlacesOf(content)[index];
            place.Turn();
            content["name"] = string.Create(CultureInfo.InvariantCulture, $"{scenario.Name} [{index}: {place.Label}]");
            yield return new Scenario(scenario.Topic, (string)content["name"]!, content);
        }
    }

    private static List<(string Label, Action Turn)> PlacesOf(JsonObject scenario)
    {
        var places = new List<(string, Action)>();
        FindInSteps(scenario["steps"]!.AsArray(), places);
        return places;
    }

    private static void FindInSteps(JsonArray steps, List<(string, Action)> places)
    {
        foreach (var step in steps.Select(step => step!.AsObject()))
        {
            foreach (var inner in new[] { step["together"], step["steps"] }.OfType<JsonArray>())
            {
                FindInSteps(inner, places);
            }

            var what = step["op"] ?? step["join"] ?? "together";
            if (step["count"] is not null)
            {
                places.Add(($"{what} count", () => step["count"] = new JsonObject { ["nothing"] = 1 }));
            }

            if (step["took_ms"] is { } took)
            {
                places.Add(($"{what} took_ms", () => step["took_ms"] = Not(took)));
            }

            if (step["expect"]?["null"] is not null)
            {
                places.Add(($"{what} null", () => step["expect"] = new JsonObject { ["value"] = Not(null) }));
            }

            foreach (var kind in new[] { "value", "error" }.Where(kind => step["expect"]?[kind] is not null))
            {
                // A value that is waited for would not be there yet at first: the original waits for it.
                FindInPattern(step["expect"]!.AsObject(), kind, $"{what} {kind}", places, () => WaitBefore(steps, step));
            }
        }
    }

    private static void FindInPattern(JsonNode parent, object key, string label, List<(string, Action)> places, Action before)
    {
        var pattern = parent is JsonObject owner ? owner[(string)key] : parent[(int)key];
        if (pattern is JsonObject { Count: > 0 } members && !members.First().Key.StartsWith('$'))
        {
            foreach (var name in members.Select(member => member.Key).ToList())
            {
                FindInPattern(members, name, $"{label}.{name}", places, before);
            }
        }
        else if (pattern is JsonArray { Count: > 0 } items)
        {
            for (var index = 0; index < items.Count; index++)
            {
                FindInPattern(items, index, string.Create(CultureInfo.InvariantCulture, $"{label}.{index}"), places, before);
            }
        }
        else
        {
            places.Add((label, () =>
            {
                before();
                var turned = Not(pattern);
                if (parent is JsonObject members)
                {
                    members[(string)key] = turned;
                }
                else
                {
                    parent[(int)key] = turned;
                }
            }));
        }
    }

    private static void WaitBefore(JsonArray steps, JsonObject step)
    {
        if (step["until_ms"] is not null)
        {
            steps.Insert(steps.IndexOf(step), step.DeepClone());
            step.Remove("until_ms");
        }
    }

    private static JsonObject Not(JsonNode? pattern) => new() { ["$not"] = pattern?.DeepClone() };
}
