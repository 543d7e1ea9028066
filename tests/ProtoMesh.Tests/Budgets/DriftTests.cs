using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using ProtoMesh.Server.Access;
using ProtoMesh.Server.Budgets;
using ProtoMesh.Server.Data;
using ProtoMesh.Server.Journal;
using ProtoMesh.Server.Policies;
using ProtoMesh.Server.Store;
using ProtoMesh.Tests.Data;
using ProtoMesh.Tests.Policies;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Budgets;

/// <summary>What is measured of budgets: by how much their counters differ from the ledger.</summary>
public sealed class DriftTests
{
    [Theory, Trait("Category", "Slow"), ClassData(typeof(Databases))]
    public async Task The_gauge_shows_by_how_much_a_wrecked_counter_differs_until_it_is_set_right(string database)
    {
        using var folder = new TempFolder("drift");
        await using var redis = await RedisServer.StartAsync();
        await using var services = Services(redis, folder, await Databases.CreateAsync(database, folder));
        var running = services.GetServices<IHostedService>().ToList();
        foreach (var service in running)
        {
            await service.StartAsync(CancellationToken.None);
        }

        var (policies, counters) = (services.GetRequiredService<ActivePolicies>(), services.GetRequiredService<BudgetCounters>());
        await Eventually.HoldsAsync(() => policies.IsLoaded, "the policies are loaded");
        policies.Apply("default", new ActivePolicy(BudgetDesk.SetOf(
            "budgets:\n  day: { unit: usd, cap: 1000, key: agent.id, window: { calendar: day } }\n  ever: { unit: usd, cap: 1000, window: lifetime }", "  - { id: yes, actions: [\"*\"], effect: allow }"), 1, 1));
        await SpendAsync("ada", 700);
        await SpendAsync("bob", 50);
        Assert.Empty(Measured(services)); // nobody has looked yet
        await LookAsync("ada");
        Assert.Equal(new() { ["default day ada"] = 0, ["default ever "] = 0 }, Measured(services));

        // As if changes of it had been lost: 700 were spent, and the counter says 100.
        var keys = new PartitionKeys(0).Names[7];
        var field = (await redis.SendAsync("HKEYS", keys)).Items.Select(item => item.Text).Single(name => name.StartsWith("cdefault\u0004day\u0004", StringComparison.Ordinal) && name.Contains("\u0004ada\u0004", StringComparison.Ordinal));
        var text = (await redis.SendAsync("HGET", keys, field)).Text;
        Assert.Contains(",700,0,0", text, StringComparison.Ordinal);
        await redis.SendAsync("HSET", keys, field, text.Replace(",700,0,0", ",100,0,0", StringComparison.Ordinal));
        Assert.Equal(0, Measured(services)["default day ada"]); // it tells what was seen, and asks nobody itself
        await LookAsync("ada");
        await LookAsync("bob");
        Assert.Equal(new() { ["default day ada"] = -600, ["default day bob"] = 0, ["default ever "] = 0 }, Measured(services));

        var rebuilt = await counters.RebuildAsync("day", new() { Key = "ada" }, Caller.Anybody, CancellationToken.None);
        Assert.Equal((-600, 0), (rebuilt.Value?.DriftBefore, rebuilt.Value?.Drift));
        Assert.Equal(new() { ["default day ada"] = 0, ["default day bob"] = 0, ["default ever "] = 0 }, Measured(services));
        foreach (var service in Enumerable.Reverse(running))
        {
            await service.StopAsync(CancellationToken.None);
        }

        async Task SpendAsync(string agent, long amount)
        {
            var budgets = services.GetRequiredService<BudgetService>();
            var id = $"spent-by-{agent}";
            Assert.Null((await budgets.ReserveAsync(new() { AgentId = agent, Budgets = ["day", "ever"], Amount = amount, ReservationId = id }, Caller.Anybody, CancellationToken.None)).Problem);
            Assert.Null((await budgets.CommitAsync(id, new() { Actual = amount }, Caller.Anybody, CancellationToken.None)).Problem);
        }

        async Task LookAsync(string key)
        {
            Assert.NotNull((await counters.UsageAsync("day", null, key, Caller.Anybody, CancellationToken.None)).Value?.Drift);
            Assert.Equal(0, (await counters.UsageAsync("ever", null, null, Caller.Anybody, CancellationToken.None)).Value?.Drift);
        }
    }

    /// <summary>What somebody who collects metrics reads now, of this service alone: tests beside this one have gauges of the same name.</summary>
    private static Dictionary<string, long> Measured(ServiceProvider services)
    {
        var (measured, mine) = (new Dictionary<string, long>(StringComparer.Ordinal), services.GetRequiredService<BudgetDrift>());
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, listens) =>
        {
            if (mine.Owns(instrument.Meter))
            {
                Assert.Equal(("ProtoMesh.Budgets", "protomesh.budget.drift"), (instrument.Meter.Name, instrument.Name));
                listens.EnableMeasurementEvents(instrument);
            }
        };
        listener.SetMeasurementEventCallback<long>((_, value, tags, _) =>
        {
            var all = tags.ToArray().ToDictionary(tag => tag.Key, tag => (string?)tag.Value, StringComparer.Ordinal);
            measured.Add($"{all["namespace"]} {all["budget"]} {all["key"]}", value);
        });
        listener.Start();
        listener.RecordObservableInstruments();
        return measured;
    }

    private static ServiceProvider Services(RedisServer redis, TempFolder folder, string database)
    {
        var configuration = Databases.Configuration(database, ("Store:DataFolder", folder.Path), ("ConnectionStrings:Redis", redis.ConnectionString));
        return new ServiceCollection()
            .AddSingleton(TimeProvider.System)
            .AddSingleton<IHostApplicationLifetime, LifeRig.Lifetime>()
            .AddLogging(logging => logging.AddProvider(new LogLines()))
            .AddStore(configuration)
            .AddData(configuration)
            .AddAccess(configuration)
            .AddJournal(configuration)
            .AddBudgets(configuration)
            .AddPolicies(configuration)
            .BuildServiceProvider();
    }
}
