using System.Globalization;
using ProtoMesh.Tests.Rig;
using Xunit.Abstractions;

namespace ProtoMesh.Tests.Locks.Api;

/// <summary>
/// The service is killed by the system as it enters a call that would change a file of the embedded store or of the journal:
/// between the parts of a snapshot, of a rotation and of a commit. strace does it, to the service as it is built.
/// </summary>
/// <remarks>Three of these calls by default, by a printed seed; all of them with <c>PROTOMESH_EVERY_STEP=1</c>.</remarks>
[Trait("Category", "Slow")]
public sealed class KilledAtEachWrite(ITestOutputHelper output)
{
    /// <summary>A system call on a file; {0} is the log that is written now, {1} the one after it, {2} the snapshot that this one replaces.</summary>
    private static readonly (string Call, string File)[] Writes =
    [
        ("pwrite64", "store/{0}.log"), ("fsync", "store/{0}.log"), // an answer's record, and its way to the disk
        ("openat", "store/{1}.log.tmp"), ("pwrite64", "store/{1}.log.tmp"), ("fsync", "store/{1}.log.tmp"), ("rename", "store/{1}.log.tmp"),
        ("openat", "store/{1}.snapshot.tmp"), ("pwrite64", "store/{1}.snapshot.tmp"), ("fsync", "store/{1}.snapshot.tmp"),
        ("rename", "store/{1}.snapshot.tmp"), ("unlink", "store/{2}.snapshot"), ("unlink", "store/{0}.log"),
        ("write,pwrite64", "mesh.db-wal"), ("fsync,fdatasync", "mesh.db-wal"),
    ];

    [Fact]
    public async Task What_was_answered_stands_and_is_journaled_once_whichever_write_did_not_take_place()
    {
        await using var world = await World.OpenAsync("embedded", "sqlite", null, (Steps.RotateAt, "20000"));
        var told = new List<Story>();
        Assert.True(await world.TellAsync(told, 3));
        await Eventually.HoldsAsync(() => Generation(world, "snapshot") > 1, "there is a snapshot to be replaced");
        foreach (var (call, file) in Runs.Every ? Writes : [.. Runs.Random(output).GetItems(Writes, 3)])
        {
            await world.Server.StopAsync();

            // A snapshot that the next one overtakes is never finished, so any of the generations to come will do.
            var (log, snapshot) = (Generation(world, "log"), Generation(world, "snapshot"));
            var paths = Enumerable.Range(1, file.Contains("{1}", StringComparison.Ordinal) ? 100 : 1).SelectMany(ahead => new[]
            {
                "-P", Path.Combine(
                    file.StartsWith("store", StringComparison.Ordinal) ? world.Server.Folder : world.Folder,
                    string.Format(CultureInfo.InvariantCulture, file, Name(log), Name(log + ahead), Name(snapshot))),
            });
            await world.Server.RelaunchAsync([
                "strace", "-f", "-qq", "-o", Path.Combine(world.Folder, "strace"), .. paths, "-e", $"trace={call}",
                "-e", $"inject={call}:signal=SIGKILL:when=1+", "setpriv", "--pdeathsig", "KILL", "--",
            ]);
            await world.DiesAsync(told);
            Assert.Contains("SIGKILL", File.ReadAllText(Path.Combine(world.Folder, "strace")), StringComparison.Ordinal);
            output.WriteLine($"killed at {call} of {file}");
            await world.Server.RestartAsync();
            await world.Server.IsReadyAsync();
            foreach (var story in told)
            {
                await story.StandsAsync();
                Assert.True(await story.GoOnAsync());
            }
        }

        await world.HasEachEventOnceAsync(told);
    }

    private static long Generation(World world, string kind) =>
        Directory.EnumerateFiles(Path.Combine(world.Server.Folder, "store"), $"*.{kind}")
            .Select(file => long.Parse(Path.GetFileNameWithoutExtension(file), CultureInfo.InvariantCulture)).DefaultIfEmpty(0).Max();

    private static string Name(long generation) => generation.ToString("D10", CultureInfo.InvariantCulture);
}
