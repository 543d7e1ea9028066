using System.Globalization;
using System.Text;

namespace ProtoMesh.Server.Policies;

/// <summary>A unified diff of two texts by lines: Myers' algorithm, given up where the texts have too little in common.</summary>
internal static class LineDiff
{
    private const int Context = 3;

    /// <summary>Beyond this many changed lines the middle is shown as replaced: time and memory grow with their square.</summary>
    private const int MostChanges = 1_000;

    private enum Kind
    {
        Same,
        Removed,
        Added,
    }

    /// <summary>Empty when the texts are the same.</summary>
    public static string Unified(string first, string second, string firstName, string secondName)
    {
        var (a, b) = (Lines(first), Lines(second));
        var edits = Edits(a, b);
        if (!edits.Exists(edit => edit.Kind != Kind.Same))
        {
            return "";
        }

        var text = new StringBuilder($"--- {firstName}\n+++ {secondName}\n");
        for (var at = 0; at < edits.Count;)
        {
            var change = edits.FindIndex(at, edit => edit.Kind != Kind.Same);
            if (change < 0)
            {
                break;
            }

            var start = Math.Max(at, change - Context);
            at = End(edits, change);
            Hunk(text, edits, start, at, a, b);
        }

        return text.ToString();
    }

    /// <summary>Where a hunk ends: after the context of its last change, and with every change whose context would touch it.</summary>
    private static int End(List<Edit> edits, int change)
    {
        for (var last = change; ;)
        {
            var next = edits.FindIndex(last + 1, edit => edit.Kind != Kind.Same);
            if (next < 0 || next - last > (2 * Context) + 1)
            {
                return Math.Min(edits.Count, last + Context + 1);
            }

            last = next;
        }
    }

    private static void Hunk(StringBuilder text, List<Edit> edits, int start, int end, string[] a, string[] b)
    {
        var part = edits[start..end];
        var (removed, added) = (part.Count(edit => edit.Kind != Kind.Added), part.Count(edit => edit.Kind != Kind.Removed));

        // The format numbers from 1, and the line before where a side has none.
        var (from, to) = (part[0].First + (removed > 0 ? 1 : 0), part[0].Second + (added > 0 ? 1 : 0));
        text.Append(CultureInfo.InvariantCulture, $"@@ -{from},{removed} +{to},{added} @@\n");
        foreach (var edit in part)
        {
            var line = edit.Kind == Kind.Added ? b[edit.Second] : a[edit.First];
            text.Append(edit.Kind switch { Kind.Removed => '-', Kind.Added => '+', _ => ' ' }).Append(line);
            if (!line.EndsWith('\n'))
            {
                text.Append("\n\\ No newline at end of file\n");
            }
        }
    }

    /// <summary>Each with its end, which only the last one may lack.</summary>
    private static string[] Lines(string text)
    {
        var lines = new List<string>();
        for (int start = 0, end; start < text.Length; start = end)
        {
            end = text.IndexOf('\n', start) + 1 is > 0 and var found ? found : text.Length;
            lines.Add(text[start..end]);
        }

        return [.. lines];
    }

    private static List<Edit> Edits(string[] a, string[] b)
    {
        var head = 0;
        while (head < a.Length && head < b.Length && a[head] == b[head])
        {
            head++;
        }

        var tail = 0;
        while (tail < a.Length - head && tail < b.Length - head && a[^(tail + 1)] == b[^(tail + 1)])
        {
            tail++;
        }

        var edits = new List<Edit>(a.Length + b.Length);
        edits.AddRange(Enumerable.Range(0, head).Select(line => new Edit(Kind.Same, line, line)));
        edits.AddRange(Middle(a, b, head, a.Length - tail, b.Length - tail));
        edits.AddRange(Enumerable.Range(0, tail).Select(line => new Edit(Kind.Same, a.Length - tail + line, b.Length - tail + line)));
        return edits;
    }

    /// <summary>The shortest script between two middles, by Myers, "An O(ND) difference algorithm and its variations", 1986.</summary>
    private static List<Edit> Middle(string[] a, string[] b, int start, int aEnd, int bEnd)
    {
        var (n, m) = (aEnd - start, bEnd - start);
        var most = Math.Min(n + m, MostChanges);
        var reach = new int[(2 * most) + 2];
        var traces = new List<int[]>();
        for (var changes = 0; changes <= most; changes++)
        {
            // Only the diagonals that this round can have read are kept.
            traces.Add(reach[(most - changes)..(most + changes + 1)]);
            for (var diagonal = -changes; diagonal <= changes; diagonal += 2)
            {
                var x = IsDown(reach, most, diagonal, changes) ? reach[most + diagonal + 1] : reach[most + diagonal - 1] + 1;
                while (x < n && x - diagonal < m && a[start + x] == b[start + x - diagonal])
                {
                    x++;
                }

                reach[most + diagonal] = x;
                if (x >= n && x - diagonal >= m)
                {
                    return Back(traces, start, n, m);
                }
            }
        }

        return [.. Enumerable.Range(0, n).Select(line => new Edit(Kind.Removed, start + line, start)), .. Enumerable.Range(0, m).Select(line => new Edit(Kind.Added, aEnd, start + line))];
    }

    private static bool IsDown(int[] reach, int zero, int diagonal, int changes) =>
        diagonal == -changes || (diagonal != changes && reach[zero + diagonal - 1] < reach[zero + diagonal + 1]);

    private static List<Edit> Back(List<int[]> traces, int start, int x, int y)
    {
        var edits = new List<Edit>();
        for (var changes = traces.Count - 1; changes > 0; changes--)
        {
            var (reach, diagonal) = (traces[changes], x - y);
            var before = IsDown(reach, changes, diagonal, changes) ? diagonal + 1 : diagonal - 1;
            var (fromX, fromY) = (reach[changes + before], reach[changes + before] - before);
            while (x > fromX && y > fromY)
            {
                edits.Add(new Edit(Kind.Same, start + --x, start + --y));
            }

            edits.Add(x == fromX ? new Edit(Kind.Added, start + x, start + --y) : new Edit(Kind.Removed, start + --x, start + y));
        }

        while (x > 0)
        {
            edits.Add(new Edit(Kind.Same, start + --x, start + --y));
        }

        edits.Reverse();
        return edits;
    }

    /// <summary>A line of either text, or of both; the number in the text that does not have it is where it would stand.</summary>
    private readonly record struct Edit(Kind Kind, int First, int Second);
}
