using System.Diagnostics;
using ProtoMesh.Server.Store;
using ProtoMesh.Server.Store.Embedded;
using Xunit.Abstractions;

namespace ProtoMesh.Tests.Store.Embedded;

public sealed class PersistenceTests(ITestOutputHelper output) : IDisposable
{
    private const string Mixed =
        """
        local n = ARGV[1]
        redis.call('HSET', KEYS[2], 'a', n, 'b', 'x', 'ü', 'π' .. n)
        redis.call('ZADD', KEYS[4], n, 'm' .. n, '-inf', 'first', '0.1', 'tenth')
        redis.call('XADD', KEYS[6], '1-*', 'e', n)
        if tonumber(n) % 3 == 0 then
          redis.call('HDEL', KEYS[2], 'b')
          redis.call('ZREM', KEYS[4], 'tenth', 'm' .. (n - 1))
          redis.call('XTRIM', KEYS[6], 'MAXLEN', '0')
        end
        if tonumber(n) % 10 == 0 then
          redis.call('DEL', KEYS[4])
        end
        """;

    private readonly TemporaryFolder _folder = new();
    private readonly LogLines _log = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(1_000_000)]
    [InlineData(300)]
    public async Task A_store_reopened_holds_what_it_held(long rotateAt)
    {
        var before = "";
        for (var round = 0; round < 4; round++)
        {
            await using var engine = await EngineHarness.OpenAsync(_folder.Path, _log, rotateAt);
            Assert.Equal(before, round == 0 ? "" : await engine.DumpAsync());
            for (var step = 1; step <= 23; step++)
            {
                await engine.RunAsync(Mixed, $"{(round * 23) + step}");
                if (step % 5 == 0)
                {
                    await engine.PersistAsync(CancellationToken.None);
                }
            }

            before = await engine.DumpAsync();
        }

        Assert.Equal(rotateAt == 300, Directory.GetFiles(_folder.Store, "*.snapshot").Length == 1);
        Assert.DoesNotContain(_log.Lines, line => line.StartsWith("Warning", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_stream_trimmed_to_nothing_still_knows_its_last_id_after_a_snapshot()
    {
        await using (var engine = await EngineHarness.OpenAsync(_folder.Path, _log, rotateAt: 1))
        {
            await engine.RunAsync("redis.call('XADD', KEYS[6], '7-7', 'e', '') redis.call('XTRIM', KEYS[6], 'MAXLEN', '0')");
        }

        File.WriteAllBytes(_folder.In("0000000009.snapshot.tmp"), [1]);
        await using var again = await EngineHarness.OpenAsync(_folder.Path, _log);
        Assert.Equal("7-8", (await again.RunAsync("return redis.call('XADD', KEYS[6], '7-*', 'e', '')")).Text);
        Assert.Equal(["0000000002.log", "0000000002.snapshot", "lock"], FileNames());
    }

    [Fact]
    public async Task A_run_that_writes_nothing_appends_nothing()
    {
        await using var engine = await EngineHarness.OpenAsync(_folder.Path, _log);
        await engine.RunAsync(EngineHarness.Write, "a", "1");
        var length = new FileInfo(_folder.In("0000000001.log")).Length;
        await engine.RunAsync("return redis.call('HGET', KEYS[2], 'a')");
        await engine.RunAsync(EngineHarness.Write, "a", "1");
        Assert.Equal(length, new FileInfo(_folder.In("0000000001.log")).Length);
        await engine.RunAsync(EngineHarness.Write, "a", "2");
        Assert.True(new FileInfo(_folder.In("0000000001.log")).Length > length);
    }

    [Fact]
    public async Task A_record_cut_anywhere_is_cut_off_and_said_and_what_came_before_is_kept()
    {
        var (before, after, last, end) = await TwoRunsAsync();
        for (var length = last; length <= end; length++)
        {
            using var copy = _folder.Copy();
            Truncate(copy.In("0000000001.log"), length);
            var log = new LogLines();
            await using (var engine = await EngineHarness.OpenAsync(copy.Path, log))
            {
                Assert.Equal(length == end ? after : before, await engine.DumpAsync());
                Assert.Equal(length > last && length < end, log.Lines.Any(line => line.StartsWith($"Warning Cut off {length - last} bytes after byte {last} ", StringComparison.Ordinal)));
                await engine.RunAsync(EngineHarness.Write, "c", "later");
            }

            await using var again = await EngineHarness.OpenAsync(copy.Path, log);
            Assert.Contains(" later ", await again.DumpAsync(), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_last_record_with_a_changed_byte_is_cut_off()
    {
        var (before, _, last, end) = await TwoRunsAsync();
        for (var offset = last; offset < end; offset++)
        {
            using var copy = _folder.Copy();
            Flip(copy.In("0000000001.log"), offset);
            var log = new LogLines();
            await using var engine = await EngineHarness.OpenAsync(copy.Path, log);
            Assert.Equal(before, await engine.DumpAsync());
            Assert.Contains(log.Lines, line => line.StartsWith($"Warning Cut off {end - last} bytes", StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task A_byte_changed_in_the_middle_stops_the_start_and_is_named_with_its_place()
    {
        var (_, _, last, _) = await TwoRunsAsync();
        for (long offset = RecordFile.FileHeader; offset < last; offset++)
        {
            using var copy = _folder.Copy();
            var file = copy.In("0000000001.log");
            Flip(file, offset);
            var length = new FileInfo(file).Length;
            var failure = await Assert.ThrowsAsync<StoreException>(() => EngineHarness.OpenAsync(copy.Path, _log));
            Assert.Equal("store_unavailable", failure.Code);
            Assert.Contains($"{file} of the embedded store is damaged at byte ", failure.Message, StringComparison.Ordinal);
            Assert.Contains("restore the folder from a copy", failure.Message, StringComparison.Ordinal);
            Assert.Equal(length, new FileInfo(file).Length);
        }
    }

    [Fact]
    public async Task A_start_that_is_tried_again_holds_only_what_the_files_of_that_moment_say()
    {
        var (_, _, _, second) = await TwoRunsAsync();
        string before;
        await using (var third = await EngineHarness.OpenAsync(_folder.Path, _log))
        {
            await third.RunAsync(Mixed, "4");
            before = await third.DumpAsync();
        }

        var log = _folder.In("0000000001.log");
        var whole = await File.ReadAllBytesAsync(log);
        await using var engine = new EmbeddedEngine(_folder.Path, TimeProvider.System, _log, 32 * 1024 * 1024);
        Flip(log, second - 1);
        await Assert.ThrowsAsync<StoreException>(() => engine.StartAsync(CancellationToken.None));
        await File.WriteAllBytesAsync(log, whole);
        await engine.StartAsync(CancellationToken.None);

        Assert.Equal(before, await engine.DumpAsync());
    }

    [Fact]
    public async Task A_snapshot_with_a_changed_or_missing_byte_stops_the_start()
    {
        await using (var engine = await EngineHarness.OpenAsync(_folder.Path, _log, rotateAt: 1))
        {
            await engine.RunAsync(Mixed, "1");
        }

        var end = new FileInfo(_folder.In("0000000002.snapshot")).Length;
        for (var offset = 0L; offset < end; offset++)
        {
            using var changed = _folder.Copy();
            Flip(changed.In("0000000002.snapshot"), offset);
            await Assert.ThrowsAsync<StoreException>(() => EngineHarness.OpenAsync(changed.Path, _log));
            using var cut = _folder.Copy();
            Truncate(cut.In("0000000002.snapshot"), offset);
            await Assert.ThrowsAsync<StoreException>(() => EngineHarness.OpenAsync(cut.Path, _log));
        }
    }

    [Fact]
    public async Task A_copy_made_at_any_step_of_a_rotation_opens_with_everything_answered()
    {
        await using var engine = await EngineHarness.OpenAsync(_folder.Path, _log, rotateAt: 200);
        var shapes = new HashSet<string>();
        for (var step = 1; step < 60; step++)
        {
            await engine.RunAsync(Mixed, $"{step}");
            var expected = await engine.DumpAsync();
            await AssertCopyHoldsAsync(expected);
            shapes.Add(Shape());
            if (step % 4 == 0)
            {
                // What a rotation leaves when it is stopped before the old files are deleted.
                using var old = _folder.Copy();
                await engine.PersistAsync(CancellationToken.None);
                shapes.Add(Shape());
                using var both = _folder.Copy();
                foreach (var file in Directory.EnumerateFiles(old.Store).Where(file => !file.EndsWith(".tmp", StringComparison.Ordinal)))
                {
                    File.Copy(file, both.In(Path.GetFileName(file)), overwrite: true);
                }

                await AssertHoldsAsync(both, expected);
                await AssertCopyHoldsAsync(expected);
            }
        }

        // Only a log; logs behind one another with an unfinished snapshot; a snapshot with its log.
        Assert.Superset(new HashSet<string> { "log", "log log tmp", "log snapshot" }, shapes);
    }

    [Fact]
    public async Task A_missing_log_between_others_stops_the_start()
    {
        await using (var engine = await EngineHarness.OpenAsync(_folder.Path, _log, rotateAt: 1))
        {
            await engine.RunAsync(Mixed, "1");
        }

        File.Delete(_folder.In("0000000002.log"));
        var failure = await Assert.ThrowsAsync<StoreException>(() => EngineHarness.OpenAsync(_folder.Path, _log));
        Assert.Equal($"The file {_folder.In("0000000002.log")} of the embedded store is missing; restore the folder from a copy.", failure.Message);
    }

    [Fact]
    public async Task A_file_of_another_program_or_of_a_newer_format_is_refused()
    {
        await TwoRunsAsync();
        var file = _folder.In("0000000001.log");
        var bytes = File.ReadAllBytes(file);
        File.WriteAllText(file, "some notes of mine, longer than a header would be");
        Assert.Contains("is not a file of the embedded store", (await Assert.ThrowsAsync<StoreException>(() => EngineHarness.OpenAsync(_folder.Path, _log))).Message, StringComparison.Ordinal);
        bytes[8] = 2;
        File.WriteAllBytes(file, bytes);
        Assert.Contains("has format 2, and this version of ProtoMesh reads formats up to 1", (await Assert.ThrowsAsync<StoreException>(() => EngineHarness.OpenAsync(_folder.Path, _log))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_second_engine_on_the_folder_is_refused_until_the_first_is_gone()
    {
        await using (await EngineHarness.OpenAsync(_folder.Path, _log))
        {
            var failure = await Assert.ThrowsAsync<StoreException>(() => EngineHarness.OpenAsync(_folder.Path, _log));
            Assert.Equal(
                $"Another process is using the embedded store in {_folder.Store}, which is for one process: stop that one, or set another Store:DataFolder here.", failure.Message);
        }

        await using var next = await EngineHarness.OpenAsync(_folder.Path, _log);
    }

    [Fact]
    public async Task A_second_process_on_the_folder_is_refused()
    {
        Directory.CreateDirectory(_folder.Store);
        using var other = Process.Start(new ProcessStartInfo("flock", ["--no-fork", _folder.In("lock"), "sh", "-c", "echo locked; read line"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        Assert.Equal("locked", await other.StandardOutput.ReadLineAsync());
        await Assert.ThrowsAsync<StoreException>(() => EngineHarness.OpenAsync(_folder.Path, _log));
        other.StandardInput.Close();
        await other.WaitForExitAsync();
        await using var engine = await EngineHarness.OpenAsync(_folder.Path, _log);
    }

    [Fact]
    public async Task A_folder_that_cannot_be_made_is_named()
    {
        var file = Path.Combine(_folder.Path, "file");
        File.WriteAllText(file, "");
        var failure = await Assert.ThrowsAsync<StoreException>(() => EngineHarness.OpenAsync(file, _log));
        Assert.StartsWith($"The embedded store cannot use the folder {file}/store (Store:DataFolder): ", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_full_disk_refuses_the_run_and_undoes_it_and_a_later_try_works()
    {
        await using (var engine = await EngineHarness.OpenAsync(_folder.Path, _log))
        {
            await engine.RunAsync(Mixed, "1");
            var before = await engine.DumpAsync();
            using (BrokenFile.Full(_folder.In("0000000001.log")))
            {
                for (var attempt = 0; attempt < 2; attempt++)
                {
                    var failure = await Assert.ThrowsAsync<StoreException>(() => engine.RunAsync(Mixed, "3"));
                    Assert.Equal("store_unavailable", failure.Code);
                    Assert.StartsWith($"The embedded store could not write under {_folder.Store}, and changed nothing: ", failure.Message, StringComparison.Ordinal);
                    output.WriteLine(failure.Message);
                }
            }

            Assert.Equal(before, await engine.DumpAsync());
            await engine.RunAsync(EngineHarness.Write, "c", "later");
        }

        await using var again = await EngineHarness.OpenAsync(_folder.Path, _log);
        Assert.Contains(" later ", await again.DumpAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_flush_that_failed_is_told_and_the_next_one_writes_everything_anew()
    {
        await using var engine = await EngineHarness.OpenAsync(_folder.Path, _log);
        await engine.RunAsync(Mixed, "1");
        using (BrokenFile.Unflushable(_folder.In("0000000001.log")))
        {
            await Assert.ThrowsAsync<StoreException>(() => engine.PersistAsync(CancellationToken.None).AsTask());
        }

        await engine.PersistAsync(CancellationToken.None);
        Assert.Equal(["0000000002.log", "0000000002.snapshot", "lock"], FileNames());
        await AssertCopyHoldsAsync(await engine.DumpAsync());
    }

    [Fact]
    public async Task It_says_that_it_is_for_one_process()
    {
        await using var engine = await EngineHarness.OpenAsync(_folder.Path, _log);
        Assert.Equal([$"embedded store: one process on this machine, its files under {_folder.Store}"], await engine.WarningsAsync(CancellationToken.None));
    }

    private static void Truncate(string path, long length)
    {
        using var file = File.OpenWrite(path);
        file.SetLength(length);
    }

    private static void Flip(string path, long offset)
    {
        var bytes = File.ReadAllBytes(path);
        bytes[offset] ^= 0x10;
        File.WriteAllBytes(path, bytes);
    }

    private async Task<(string Before, string After, long Last, long End)> TwoRunsAsync()
    {
        await using var engine = await EngineHarness.OpenAsync(_folder.Path, _log);
        await engine.RunAsync(Mixed, "1");
        var before = await engine.DumpAsync();
        var last = new FileInfo(_folder.In("0000000001.log")).Length;
        await engine.RunAsync(Mixed, "2");
        return (before, await engine.DumpAsync(), last, new FileInfo(_folder.In("0000000001.log")).Length);
    }

    private async Task AssertCopyHoldsAsync(string expected)
    {
        using var copy = _folder.Copy();
        await AssertHoldsAsync(copy, expected);
    }

    private async Task AssertHoldsAsync(TemporaryFolder folder, string expected)
    {
        await using var engine = await EngineHarness.OpenAsync(folder.Path, _log);
        Assert.Equal(expected, await engine.DumpAsync());
    }

    private string[] FileNames() => [.. Directory.EnumerateFiles(_folder.Store).Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal)];

    private string Shape() => string.Join(' ', FileNames().Where(name => name != "lock").Select(name => name.Split('.')[^1]).Order(StringComparer.Ordinal));
}
