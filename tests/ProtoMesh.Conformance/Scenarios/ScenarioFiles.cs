using System.Text.Json;
using System.Text.Json.Nodes;

namespace ProtoMesh.Conformance.Scenarios;

/// <summary>Reads and writes the folder of scenarios.</summary>
internal static class ScenarioFiles
{
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false };

    /// <summary>Every scenario of a folder, in the order of files and of scenarios in them.</summary>
    /// <exception cref="UsageException">A file is not what the format asks for.</exception>
    public static IReadOnlyList<Scenario> Read(string folder)
    {
        var scenarios = Directory.EnumerateFiles(folder, "*.json").Order(StringComparer.Ordinal)
            .Select(path => (Path: path, Content: Parse(path)))
            .Where(file => file.Content["scenarios"] is not null)
            .SelectMany(file => ReadTopic(file.Path, file.Content)).ToList();
        var twice = scenarios.GroupBy(scenario => scenario.Id, StringComparer.Ordinal).FirstOrDefault(group => group.Count() > 1);
        return twice is null ? scenarios : throw new UsageException($"There are two scenarios '{twice.Key}'.");
    }

    /// <summary>Writes scenarios into a folder, a file a topic, for runners that take a folder.</summary>
    public static void Write(string folder, IEnumerable<Scenario> scenarios)
    {
        foreach (var topic in scenarios.GroupBy(scenario => scenario.Topic, StringComparer.Ordinal))
        {
            var file = new JsonObject { ["topic"] = topic.Key, ["scenarios"] = new JsonArray([.. topic.Select(scenario => scenario.Content.DeepClone())]) };
            File.WriteAllText(Path.Combine(folder, $"{topic.Key}.json"), file.ToJsonString());
        }
    }

    private static JsonObject Parse(string path)
    {
        try
        {
            return JsonNode.Parse(File.ReadAllText(path), documentOptions: Strict)!.AsObject();
        }
        catch (Exception fault) when (fault is JsonException or InvalidOperationException or ArgumentException)
        {
            throw new UsageException($"{Path.GetFileName(path)}: {fault.Message}");
        }
    }

    private static IEnumerable<Scenario> ReadTopic(string path, JsonObject file)
    {
        var topic = Path.GetFileNameWithoutExtension(path);
        if ((string?)file["topic"] != topic)
        {
            throw new UsageException($"{topic}.json says that its topic is '{file["topic"]}'.");
        }

        foreach (var content in file["scenarios"]!.AsArray().Select(node => node!.AsObject()))
        {
            ScenarioFormat.Check(topic, content);
            yield return new Scenario(topic, (string)content["name"]!, content);
        }
    }
}
