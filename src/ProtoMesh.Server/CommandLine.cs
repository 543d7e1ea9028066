using System.Reflection;

namespace ProtoMesh.Server;

/// <summary>What is answered without starting: <c>--version</c>, <c>--help</c>, and an argument that means nothing.</summary>
internal static class CommandLine
{
    private static readonly string[] Sections =
        ["urls", "environment", "contentRoot", "applicationName", "ConnectionStrings:", "Store:", "Locks:", "Journal:", "Policies:", "Auth:", "Http:", "Logging:"];

    public static string Version { get; } =
        typeof(CommandLine).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";

    /// <summary>An exit code, or null when the service is to start.</summary>
    public static int? Answer(string[] args)
    {
        if (args.Contains("--version"))
        {
            Console.WriteLine($"protomesh {Version}");
            return 0;
        }

        if (args.Contains("--help") || args.Contains("-h"))
        {
            Console.WriteLine("""
                Usage: ProtoMesh.Server [--version] [--urls http://localhost:8000] [--Section:Setting value ...]
                       ProtoMesh.Server keys bootstrap     makes the first admin key in the configured database and prints it, once
                       ProtoMesh.Server keys generate      prints a key for Auth:BootstrapKey

                Settings, also as environment variables with __ for the colon:
                  ConnectionStrings:Redis      Redis, one endpoint or several of a Cluster; absent: the embedded store
                  ConnectionStrings:Database   Data Source=... (SQLite) or Host=... (PostgreSQL); absent: SQLite in the data folder
                  Store:DataFolder             where the embedded store and SQLite keep their files; default ./data
                  Auth:BootstrapKey            a key that becomes the first admin key; absent: the service is open until there is one
                  Store:, Locks:, Journal:, Policies:, Http:   see README.md
                """);
            return 0;
        }

        for (var index = 0; index < args.Length; index++)
        {
            var name = args[index].StartsWith("--", StringComparison.Ordinal) ? args[index][2..].Split('=')[0] : null;
            if (name is null || !Sections.Any(section => name.StartsWith(section, StringComparison.OrdinalIgnoreCase)))
            {
                Console.Error.WriteLine($"protomesh: there is no argument '{args[index]}'. Try --help.");
                return 2;
            }

            index += args[index].Contains('=', StringComparison.Ordinal) ? 0 : 1;
            if (index >= args.Length)
            {
                Console.Error.WriteLine($"protomesh: '--{name}' needs a value.");
                return 2;
            }
        }

        return null;
    }
}
