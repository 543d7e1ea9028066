using ProtoMesh.Server.Policies;

namespace ProtoMesh.Tests.Policies;

/// <summary>The differ, judged by whether its hunks turn the first text into the second.</summary>
public sealed class LifeDiffTests(Xunit.Abstractions.ITestOutputHelper output)
{
    [Fact]
    public void The_hunks_of_random_texts_turn_the_first_into_the_second()
    {
        var seed = int.TryParse(Environment.GetEnvironmentVariable("PROTOMESH_SEED"), out var given) ? given : Random.Shared.Next();
        output.WriteLine($"PROTOMESH_SEED={seed}");
        var random = new Random(seed);
        for (var round = 0; round < 2_000; round++)
        {
            var first = Enumerable.Range(0, random.Next(30)).Select(_ => $"{random.Next(6)}").ToList();
            var second = new List<string>(first);
            for (var change = random.Next(12); change > 0; change--)
            {
                var at = random.Next(second.Count + 1);
                if (at < second.Count && random.Next(2) == 0)
                {
                    second.RemoveAt(at);
                }
                else
                {
                    second.Insert(at, $"{random.Next(6)}");
                }
            }

            var (a, b) = (string.Join('\n', first), string.Join('\n', second));
            Assert.Equal(b, Applied(a, LineDiff.Unified(a, b, "a", "b")));
        }
    }

    [Fact]
    public void A_change_far_from_another_is_a_hunk_of_its_own_with_three_lines_around()
    {
        var first = string.Join('\n', Enumerable.Range(1, 30));
        var second = first.Replace("\n5\n", "\nfive\n", StringComparison.Ordinal).Replace("\n25\n", "\n25\n25½\n", StringComparison.Ordinal);
        Assert.Equal(
            "--- a\n+++ b\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n@@ -23,6 +23,7 @@\n 23\n 24\n 25\n+25½\n 26\n 27\n 28\n",
            LineDiff.Unified(first, second, "a", "b"));
    }

    [Fact]
    public void Texts_with_nothing_in_common_are_replaced_within_bounds()
    {
        var first = string.Join('\n', Enumerable.Range(0, 60_000).Select(line => $"a{line}"));
        var second = string.Join('\n', Enumerable.Range(0, 60_000).Select(line => $"b{line}"));
        var before = GC.GetAllocatedBytesForCurrentThread();
        var diff = LineDiff.Unified(first, second, "a", "b");
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 60_000_000);
        Assert.Equal(second, Applied(first, diff));
    }

    /// <summary>What a patch program makes of it; it fails where a line is not the one that the diff says.</summary>
    private static string Applied(string first, string diff)
    {
        if (diff.Length == 0)
        {
            return first;
        }

        string[] lines = first.Split('\n'), parts = diff.Split('\n');
        var (result, at) = (new List<string>(), 0);
        foreach (var part in parts.Skip(2).Take(parts.Length - 3))
        {
            if (part.StartsWith("@@ -", StringComparison.Ordinal))
            {
                var (start, count) = part[4..part.IndexOf(' ', 4)].Split(',') is [var from, var number] ? (int.Parse(from), int.Parse(number)) : throw new FormatException(part);
                var end = count == 0 ? start : start - 1;
                result.AddRange(lines[at..end]);
                at = end;
                continue;
            }

            if (part[0] != '+')
            {
                Assert.Equal(lines[at++], part[1..]);
            }

            if (part[0] != '-')
            {
                result.Add(part[1..]);
            }
        }

        return string.Join('\n', result.Concat(lines[at..]));
    }
}
