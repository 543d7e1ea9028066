using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;

namespace ProtoMesh.Tests.Tidy;

/// <summary>What CONTRIBUTING.md says of where a line belongs and how long a file may be.</summary>
public sealed partial class RoomTests
{
    /// <summary>From the left; the first four have no noun and may use each other.</summary>
    private static readonly Dictionary<string, int> Rooms = new(StringComparer.Ordinal)
    {
        ["Http"] = 0, ["Store"] = 0, ["Data"] = 0, ["Cel"] = 0, ["Access"] = 1, ["Journal"] = 2, ["Budgets"] = 3, ["Policies"] = 4, ["Approvals"] = 5, ["Locks"] = 6, ["Legacy"] = 7,
    };

    [Fact]
    public void A_room_uses_only_rooms_to_its_left()
    {
        var folders = Directory.GetDirectories(Server()).Select(folder => Path.GetFileName(folder)).Except(["bin", "obj", "data"]).Order(StringComparer.Ordinal);
        Assert.Equal(Rooms.Keys.Order(StringComparer.Ordinal), folders);
        var uses = from room in Rooms.Keys
                   from file in Directory.EnumerateFiles(Path.Combine(Server(), room), "*.cs", SearchOption.AllDirectories)
                   where !GeneratedPattern().IsMatch(file)
                   from use in RoomPattern().Matches(File.ReadAllText(file))
                   select (File: Path.GetRelativePath(Server(), file), From: room, To: use.Groups["room"].Value);
        var known = uses.Where(use => Rooms.ContainsKey(use.To)).ToList();

        Assert.Contains(known, use => (use.From, use.To) == ("Legacy", "Locks"));
        Assert.DoesNotContain(known, use => Rooms[use.To] > Rooms[use.From]);
    }

    [Fact]
    public void No_file_is_longer_than_it_may_be()
    {
        var root = Path.GetFullPath(Path.Combine(Server(), "..", ".."));
        var files = new[] { "src", "sdk", "tests", "demo-agents" }
            .SelectMany(folder => Directory.EnumerateFiles(Path.Combine(root, folder), "*.*", SearchOption.AllDirectories))
            .Where(file => file.EndsWith(".cs", StringComparison.Ordinal) || file.EndsWith(".lua", StringComparison.Ordinal))
            .Where(file => !GeneratedPattern().IsMatch(file)).ToList();

        Assert.True(files.Count > 200, $"Only {files.Count} files were found under {root}.");
        Assert.DoesNotContain(files, file => File.ReadLines(file).Count() > (file.EndsWith(".lua", StringComparison.Ordinal) ? 100 : 450));
    }

    private static string Server([CallerFilePath] string here = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", "..", "..", "src", "ProtoMesh.Server"));

    [GeneratedRegex(@"ProtoMesh\.Server\.(?<room>[A-Z][a-z]+)\b")]
    private static partial Regex RoomPattern();

    [GeneratedRegex(@"[/\\](bin|obj|Migrations)[/\\]")]
    private static partial Regex GeneratedPattern();
}
