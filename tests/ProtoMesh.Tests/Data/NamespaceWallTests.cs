using Microsoft.EntityFrameworkCore;
using ProtoMesh.Server.Access;
using ProtoMesh.Server.Data;
using ProtoMesh.Server.Journal;
using ProtoMesh.Server.Policies;

namespace ProtoMesh.Tests.Data;

/// <summary>A context that is confined to a namespace, when whoever uses it forgot to ask for one.</summary>
public sealed class NamespaceWallTests
{
    [Theory, ClassData(typeof(Databases))]
    public async Task Whatever_belongs_to_a_namespace_has_the_filter_and_what_does_not_is_the_services_own(string database)
    {
        await using var rig = await WallRig.OpenAsync(database);
        await using var db = await rig.EverythingAsync();
        Assert.Equal([], rig.Types.Where(type => type.FindDeclaredQueryFilter(NamespaceWall.Filter) is null).Select(type => type.Name));

        // A table that is added here holds nothing that any namespace would keep from another.
        Type[] own = [typeof(AccessStateRow), typeof(JournalCursor), typeof(JournalIds)];
        Assert.Equal(own.Select(type => type.Name).Order(), db.Model.GetEntityTypes().Except(rig.Types).Select(type => type.ClrType.Name).Order());
    }

    [Theory, ClassData(typeof(Databases))]
    public async Task Only_its_own_rows_are_there_without_any_condition(string database)
    {
        await using var rig = await WallRig.OpenAsync(database);
        await rig.HasAllAsync();
        foreach (var space in new[] { WallRig.Red, WallRig.Blue })
        {
            await using var db = await rig.ConfinedAsync(space);
            foreach (var type in rig.Types)
            {
                Assert.Equal((type.Name, space), (type.Name, await WallRig.SpacesAsync(db, type)));
            }
        }

        await using var nobody = await rig.ConfinedAsync("green");
        Assert.All(rig.Types, type => Assert.Equal("", WallRig.SpacesAsync(nobody, type).GetAwaiter().GetResult()));
    }

    [Theory, ClassData(typeof(Databases))]
    public async Task The_key_of_an_admin_of_all_namespaces_is_not_there_in_one(string database)
    {
        await using var rig = await WallRig.OpenAsync(database);
        await using (var db = await rig.EverythingAsync())
        {
            db.Add(WallRig.Row(db.Model.FindEntityType(typeof(KeyRow))!, AccessKey.Everywhere, 3));
            await db.SaveChangesAsync();
        }

        await using var red = await rig.ConfinedAsync(WallRig.Red);
        Assert.Equal(WallRig.Red, (await red.Set<KeyRow>().SingleAsync()).Namespace);
    }

    [Theory, ClassData(typeof(Databases))]
    public async Task A_row_of_another_namespace_is_neither_added_nor_changed_nor_deleted(string database)
    {
        await using var rig = await WallRig.OpenAsync(database);
        foreach (var type in rig.Types)
        {
            foreach (var state in new[] { EntityState.Added, EntityState.Modified, EntityState.Deleted })
            {
                await using var db = await rig.ConfinedAsync(WallRig.Red);
                db.Entry(WallRig.Row(type, WallRig.Blue, state == EntityState.Added ? 3 : 2)).State = state;
                var refused = await Assert.ThrowsAsync<InvalidOperationException>(() => db.SaveChangesAsync());
                Assert.Contains("confined to red", refused.Message, StringComparison.Ordinal);
            }
        }

        await rig.HasAllAsync();
    }

    [Theory, ClassData(typeof(Databases))]
    public async Task A_foreign_row_takes_the_own_ones_beside_it_with_it(string database)
    {
        await using var rig = await WallRig.OpenAsync(database);
        await using var db = await rig.ConfinedAsync(WallRig.Red);
        var type = db.Model.FindEntityType(typeof(PolicyVersionRow))!;
        db.AddRange(WallRig.Row(type, WallRig.Red, 3), WallRig.Row(type, WallRig.Blue, 4));
        await Assert.ThrowsAsync<InvalidOperationException>(() => db.SaveChangesAsync());
        Assert.Throws<InvalidOperationException>(() => db.SaveChanges());
        await rig.HasAllAsync();
    }

    [Theory, ClassData(typeof(Databases))]
    public async Task Prepared_inserts_and_commands_over_many_rows_stay_inside_too(string database)
    {
        await using var rig = await WallRig.OpenAsync(database);
        await using var db = await rig.ConfinedAsync(WallRig.Red);
        await db.Database.OpenConnectionAsync();
        var foreign = (JournalRow)WallRig.Row(db.Model.FindEntityType(typeof(JournalRow))!, WallRig.Blue, 3);
        await Assert.ThrowsAsync<InvalidOperationException>(() => JournalInsert.RunAsync(db, [foreign], CancellationToken.None));
        Assert.Equal(0, await db.Set<JournalRow>().Where(row => row.Id != 1).ExecuteUpdateAsync(set => set.SetProperty(row => row.Type, "stolen")));
        Assert.Equal(0, await db.Set<PolicyActivationRow>().Where(row => row.Revision == 2).ExecuteDeleteAsync());
        await rig.HasAllAsync();
        Assert.Equal(1, await db.Set<PolicyActivationRow>().ExecuteDeleteAsync());
    }

    [Theory, ClassData(typeof(Databases))]
    public async Task A_context_from_the_pool_is_confined_to_nothing(string database)
    {
        await using var rig = await WallRig.OpenAsync(database);
        var confined = await rig.ConfinedAsync(WallRig.Red);
        Assert.Equal(WallRig.Red, confined.Space);
        await confined.DisposeAsync();
        await using var next = await rig.EverythingAsync();
        Assert.Same(confined, next);
        Assert.Null(next.Space);
        Assert.Equal("blue red", await WallRig.SpacesAsync(next, rig.Types[0]));
        await next.DisposeAsync();
        using var third = rig.Factory.CreateDbContext();
        Assert.Null(third.Space);
    }

    [Theory, ClassData(typeof(Databases))]
    public async Task A_context_is_not_confined_once_it_is_connected(string database)
    {
        await using var rig = await WallRig.OpenAsync(database);
        await using var db = await rig.EverythingAsync();
        await db.Database.OpenConnectionAsync();
        Assert.Throws<InvalidOperationException>(() => db.ConfineTo(WallRig.Red));
    }
}
