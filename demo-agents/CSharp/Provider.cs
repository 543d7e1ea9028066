using System.Text.Json.Nodes;

namespace ProtoMesh.Demo.CSharp;

/// <summary>Where a real model is, and the key that lets an agent in. It is no record: a record prints all that it has.</summary>
internal sealed class Provider
{
    private static readonly string List = Path.Combine(AppContext.BaseDirectory, "providers.json");

    private Provider(string name, Uri baseUrl, string model, string key) => (Name, BaseUrl, Model, Key) = (name, baseUrl, model, key);

    public string Name { get; }

    public Uri BaseUrl { get; }

    public string Model { get; }

    public string Key { get; }

    /// <summary>The first one that has a key, in the order of providers.json.</summary>
    public static Provider? FromEnvironment()
    {
        foreach (var entry in JsonNode.Parse(File.ReadAllText(List))!.AsArray())
        {
            var name = (string)entry!["name"]!;
            if (Setting(name, "API_KEY") is not { } key)
            {
                continue;
            }
            if (key.Any(character => character is < '!' or > '~'))
            {
                // The HTTP client would refuse the header too, and quote it.
                throw new ModelException($"{name.ToUpperInvariant()}_API_KEY is no key: it has a line break, a space or another odd character.");
            }
            var baseUrl = Setting(name, "BASE_URL") ?? (string)entry["base_url"]!;
            return new Provider(name, new Uri($"{baseUrl.TrimEnd('/')}/"), Setting(name, "MODEL") ?? (string)entry["model"]!, key);
        }
        return null;
    }

    private static string? Setting(string provider, string what) =>
        Environment.GetEnvironmentVariable($"{provider.ToUpperInvariant()}_{what}")?.Trim() is { Length: > 0 } value ? value : null;
}
