using ProtoMesh.Tests.Rig;
using Xunit.Abstractions;

namespace ProtoMesh.Tests.Locks.Api;

/// <summary>
/// The service kills itself with SIGKILL between any two steps of a call, of the journal and of its start: what was answered
/// stands, what was not can be repeated, and the journal has each transition once and in order.
/// </summary>
/// <remarks>
/// A run learns the steps from a story that nobody disturbs, then tells it again and again with a kill at another step. By
/// default it takes a few by a printed seed; <c>PROTOMESH_EVERY_STEP=1</c> takes each step at each of its occurrences.
/// </remarks>
[Trait("Category", "Slow")]
public sealed class KilledAtEachStep(ITestOutputHelper output)
{
    private const int Sample = 5;

    public static TheoryData<string, string> Worlds => Runs.Every
        ? new() { { "embedded", "sqlite" }, { "redis", "sqlite" }, { "redis", "postgres" }, { "cluster", "sqlite" } }
        : new() { { "embedded", "sqlite" }, { "redis", "sqlite" } };

    [Theory, MemberData(nameof(Worlds))]
    public async Task What_was_answered_stands_and_is_journaled_once_whichever_step_was_the_last(string store, string database)
    {
        await using var world = await World.OpenAsync(store, database);
        var random = Runs.Random(output);
        var told = new List<Story>();
        await Eventually.HoldsAsync(() => world.Taken().Contains("stream trim ran"), "the journal has taken up the new store");
        world.Forget();
        Assert.True(await world.TellAsync(told, 1));
        await world.HasEachEventOnceAsync(told);
        await Eventually.HoldsAsync(() => world.Taken().Contains("stream trim ran"), "what is journaled leaves the outbox");
        foreach (var (step, skip) in Chosen(world.Taken(), random))
        {
            var before = told.Count;
            world.KillAt(step, skip);
            await world.DiesAsync(told);
            output.WriteLine($"killed at: {step} ({skip + 1})");
            world.KillAt(null);
            await world.Server.RestartAsync();
            await world.Server.IsReadyAsync();
            foreach (var story in told.Skip(before))
            {
                await story.StandsAsync();
                Assert.True(await story.GoOnAsync());
            }
        }

        await world.HasEachEventOnceAsync(told);
        foreach (var story in told)
        {
            await story.StandsAsync();
        }
    }

    [Theory, MemberData(nameof(Worlds))]
    public async Task A_start_that_is_killed_at_any_of_its_steps_is_followed_by_one_that_works(string store, string database)
    {
        var random = Runs.Random(output);
        IReadOnlyList<string> first, again;
        await using (var world = await World.OpenAsync(store, database))
        {
            first = world.Taken();
            world.Forget();
            world.Server.Kill();
            await world.Server.RestartAsync();
            await world.Server.IsReadyAsync();
            again = world.Taken();
        }

        foreach (var (step, skip) in Chosen(first, random, Sample / 4))
        {
            await using var world = await World.OpenAsync(store, database, (step, skip));
            output.WriteLine($"killed at its first start: {step} ({skip + 1})");
            var story = new Story(world.Server, "afterwards");
            Assert.True(await story.GoOnAsync());
            await world.HasEachEventOnceAsync([story]);
        }

        await using (var world = await World.OpenAsync(store, database))
        {
            var story = new Story(world.Server, "before");
            Assert.True(await story.GoOnAsync());
            foreach (var (step, skip) in Chosen(again, random, Sample / 4))
            {
                world.Server.Kill();
                await world.StartAndDieAsync(step, skip);
                output.WriteLine($"killed at a later start: {step} ({skip + 1})");
                await story.StandsAsync();
            }

            await world.HasEachEventOnceAsync([story]);
        }
    }

    /// <summary>Each step with how many of its occurrences are passed before the kill: all of them, or a few.</summary>
    private static IReadOnlyList<(string Step, int Skip)> Chosen(IReadOnlyList<string> steps, Random random, int sample = Sample)
    {
        var each = steps.GroupBy(step => step).SelectMany(step => step.Select((name, index) => (name, index))).ToArray();
        return Runs.Every ? each : [.. random.GetItems([.. each.DistinctBy(step => step.name).Select(step => step.name)], sample)
            .Select(name => (name, random.Next(each.Count(step => step.name == name))))];
    }
}
