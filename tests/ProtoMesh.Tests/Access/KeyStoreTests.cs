using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using ProtoMesh.Server.Access;
using ProtoMesh.Server.Data;
using ProtoMesh.Server.Store;
using ProtoMesh.Tests.Data;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Access;

/// <summary>What several replicas make of one database.</summary>
public sealed class KeyStoreTests
{
    [Theory, ClassData(typeof(Databases))]
    public async Task Of_replicas_that_start_at_once_with_one_bootstrap_key_one_makes_it(string database)
    {
        using var folder = new TempFolder("keys");
        var connection = await Databases.CreateAsync(database, folder);
        await using var first = await ReplicaAsync(connection, TimeProvider.System);
        var text = KeyText.New();
        KeyText.TryRead(text, out var id, out var secret);
        var (keyId, sha256) = (id.ToString(), KeyText.Digest(secret));
        var outcomes = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() => first.GetRequiredService<KeyStore>().CreateFirstAsync(keyId, sha256, CancellationToken.None))));
        Assert.Equal([FirstKey.Made, .. Enumerable.Repeat(FirstKey.There, 7)], outcomes.Order());
        Assert.Equal(FirstKey.NotNeeded, await first.GetRequiredService<KeyStore>().CreateFirstAsync("0000000000000000", sha256, CancellationToken.None));
        Assert.Equal(FirstKey.OtherSecret, await first.GetRequiredService<KeyStore>().CreateFirstAsync(keyId, new string('0', 64), CancellationToken.None));
    }

    [Theory, ClassData(typeof(Databases))]
    public async Task A_replica_that_looks_while_others_change_misses_nothing(string database)
    {
        using var folder = new TempFolder("keys");
        var connection = await Databases.CreateAsync(database, folder);
        await using var writer = await ReplicaAsync(connection, TimeProvider.System);
        await using var reader = await ReplicaAsync(connection, TimeProvider.System);
        var store = writer.GetRequiredService<KeyStore>();
        var writing = Enumerable.Range(0, 4).Select(lane => Task.Run(async () =>
        {
            for (var number = 0; number < 15; number++)
            {
                var row = await store.CreateAsync(Draft($"{lane:x8}{number:x8}"), null, "test", CancellationToken.None);
                if (number % 3 == 0)
                {
                    await store.RevokeAsync(row.KeyId, null, "test", CancellationToken.None);
                }
            }
        })).ToList();
        var (loader, ring) = (reader.GetRequiredService<KeyLoader>(), reader.GetRequiredService<KeyRing>());
        while (!Task.WhenAll(writing).IsCompleted)
        {
            await loader.RefreshAsync(CancellationToken.None);
        }

        await Task.WhenAll(writing);
        await loader.RefreshAsync(CancellationToken.None);
        Assert.Equal((60, 20), (ring.Keys.Count, ring.Keys.Values.Count(key => key.IsRevoked)));
        Assert.Equal(AccessMode.Keys, ring.Mode);
        Assert.Equal(80, (await store.StateAsync(CancellationToken.None)).Revision);
    }

    [Theory, ClassData(typeof(Databases))]
    public async Task A_key_ends_at_its_time_and_an_old_secret_when_its_overlap_is_over(string database)
    {
        using var folder = new TempFolder("keys");
        var clock = new FakeClock();
        await using var replica = await ReplicaAsync(await Databases.CreateAsync(database, folder), clock);
        var (store, loader, ring) = (replica.GetRequiredService<KeyStore>(), replica.GetRequiredService<KeyLoader>(), replica.GetRequiredService<KeyRing>());
        await loader.RefreshAsync(CancellationToken.None);
        Assert.Equal(AccessMode.Open, ring.Mode);
        var text = KeyText.New();
        KeyText.TryRead(text, out var idText, out var secret);
        var id = idText.ToString();
        await store.CreateAsync(Draft(id, KeyText.Digest(secret), clock.GetUtcNow().AddHours(2).UtcDateTime), null, "test", CancellationToken.None);
        var next = KeyText.New(id);
        KeyText.TryRead(next, out _, out var nextSecret);
        await store.RotateAsync(id, null, KeyText.Digest(nextSecret), TimeSpan.FromHours(1), "test", CancellationToken.None);
        await loader.RefreshAsync(CancellationToken.None);
        Assert.NotNull(ring.Check(text));
        Assert.NotNull(ring.Check(next));
        clock.Advance(TimeSpan.FromHours(1));
        Assert.Null(ring.Check(text));
        Assert.NotNull(ring.Check(next));
        clock.Advance(TimeSpan.FromHours(1));
        Assert.Null(ring.Check(next));
        Assert.Equal(2, ring.Refused);
    }

    private static KeyRow Draft(string id, string? sha256 = null, DateTime? expiresAt = null) => new()
    {
        KeyId = id, Namespace = "default", Role = Roles.Viewer, Labels = "{}", Sha256 = sha256 ?? new string('1', 64), CreatedBy = "test", CreatedAt = DateTime.UtcNow, ExpiresAt = expiresAt,
    };

    private static async Task<ServiceProvider> ReplicaAsync(string connection, TimeProvider time)
    {
        var configuration = Databases.Configuration(connection);
        var services = new ServiceCollection().AddSingleton(time).AddLogging().AddStore(configuration).AddData(configuration).AddAccess(configuration).BuildServiceProvider();
        var migrator = services.GetRequiredService<DatabaseMigrator>();
        await migrator.StartAsync(CancellationToken.None);
        await migrator.Ready.WaitAsync(TimeSpan.FromSeconds(60));
        return services;
    }
}
