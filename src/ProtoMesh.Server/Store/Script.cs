using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;

namespace ProtoMesh.Server.Store;

/// <summary>A Lua file of this assembly, named by its path below the project, such as <c>Locks/Lua/acquire.lua</c>.</summary>
/// <remarks>
/// A line <c>--@include Room/Lua/_lib/name.lua</c> is replaced by that file. What is included only defines; the line
/// <see cref="BodyMark"/> stands before what a call does. Comments stay behind, as a Cluster is sent each script for each
/// partition, and so do the functions that a script does not use. The libraries' variables stand in a scope of their own
/// around the functions: making a closure, Lua 5.1 searches among all captured variables of the scope that it is made in,
/// and finds those of an outer scope at once. The text also carries the partition's epoch, so a replica that
/// still believes in an older epoch calls a SHA that the store does not know; and the partition itself, for a node that
/// restarted must not know the scripts of one partition because another one was compared and opened there.
/// </remarks>
internal sealed partial class Script
{
    /// <summary>The line between a script's definitions, which a store may keep, and what it does in a call.</summary>
    public const string BodyMark = "--@body\n";

    /// <summary>What follows the body in a text with definitions.</summary>
    public const string BodyEnd = "end)()\n";
    private const string IncludeMark = "--@include ";
    private readonly string _source;

    private Script(string name)
    {
        Name = name;
        var body = new StringBuilder();
        var definitions = new StringBuilder();
        Resolve(name, [], definitions, body);
        _source = definitions.Length == 0 ? body.ToString() : Arrange(definitions.ToString(), body.ToString());
    }

    public string Name { get; }

    /// <summary>Every script of this assembly, by name; files below a <c>_lib</c> folder are parts, not scripts.</summary>
    public static IReadOnlyDictionary<string, Script> All { get; } = Assembly.GetExecutingAssembly()
        .GetManifestResourceNames()
        .Where(name => name.EndsWith(".lua", StringComparison.Ordinal) && !name.Contains("/_lib/", StringComparison.Ordinal))
        .ToDictionary(name => name, name => new Script(name), StringComparer.Ordinal);

    public static Script Named(string name) => All[name];

    /// <summary>The text that runs in the store, for one epoch of one partition.</summary>
    public string Text(long epoch, int partition = 0) => $"local EPOCH = '{epoch}' -- of partition {partition}\n{_source}";

    /// <summary>SHA-1 of <see cref="Text"/>, the name by which Redis knows it.</summary>
    public static byte[] Sha(string text) => SHA1.HashData(Encoding.UTF8.GetBytes(text));

    /// <summary>First the variables, then those of the functions that are used, then the body.</summary>
    private static string Arrange(string definitions, string body)
    {
        var variables = new StringBuilder();
        var functions = $"{BodyMark}{body}";
        var blocks = Block().Matches(definitions);
        foreach (var block in blocks.Where(block => block.Groups["variable"].Success))
        {
            variables.Append(block.Value);
        }

        foreach (var block in blocks.Where(block => !block.Groups["variable"].Success).Reverse())
        {
            if (block.Groups["function"] is not { Success: true } function || Mentions(functions, function.Value))
            {
                functions = block.Value + functions;
            }
        }

        return $"{variables}return (function()\n{functions}{BodyEnd}";
    }

    private static bool Mentions(string text, string word)
    {
        for (var at = text.IndexOf(word, StringComparison.Ordinal); at >= 0; at = text.IndexOf(word, at + 1, StringComparison.Ordinal))
        {
            if (!IsInWord(text[at - 1]) && !IsInWord(text[at + word.Length]))
            {
                return true;
            }
        }

        return false;

        static bool IsInWord(char character) => char.IsAsciiLetterOrDigit(character) || character == '_';
    }

    /// <summary>A function with its end, the declaration of variables, or any other line of a library.</summary>
    [GeneratedRegex(@"^local function (?<function>\w+)\((?:.*\n)*?end\n|^(?<variable>local [\w, ]+( = (?!begin\n).*)?)\n|^.*\n", RegexOptions.Multiline)]
    private static partial Regex Block();

    /// <summary>Writes a file's own lines to <paramref name="own"/> and what it includes, in order and once, to <paramref name="definitions"/>.</summary>
    private static void Resolve(string name, HashSet<string> included, StringBuilder definitions, StringBuilder own)
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(name)
            ?? throw new InvalidOperationException($"There is no script {name} in this assembly.");
        using var reader = new StreamReader(stream, Encoding.UTF8);
        while (reader.ReadLine() is { } line)
        {
            if (!line.StartsWith("--", StringComparison.Ordinal))
            {
                own.Append(line).Append('\n');
            }
            else if (line.StartsWith(IncludeMark, StringComparison.Ordinal) && line[IncludeMark.Length..].Trim() is var part && included.Add(part))
            {
                var lines = new StringBuilder();
                Resolve(part, included, definitions, lines);
                definitions.Append(lines);
            }
        }
    }
}
