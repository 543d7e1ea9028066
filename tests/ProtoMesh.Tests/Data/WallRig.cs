using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using ProtoMesh.Server.Data;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Data;

/// <summary>A database whose every table of namespaces has one row of red and one of blue.</summary>
internal sealed class WallRig : IAsyncDisposable
{
    public const string Red = "red";
    public const string Blue = "blue";
    private readonly TempFolder _folder = new("walls");
    private ServiceProvider _services = new ServiceCollection().BuildServiceProvider();

    public LogLines Log { get; } = new();

    public IDbContextFactory<MeshDb> Factory => _services.GetRequiredService<IDbContextFactory<MeshDb>>();

    /// <summary>What belongs to namespaces, such that a row comes after the one that it refers to.</summary>
    public IReadOnlyList<IEntityType> Types { get; private set; } = [];

    public static async Task<WallRig> OpenAsync(string kind, string more = "")
    {
        var rig = new WallRig();
        var connection = await Databases.CreateAsync(kind, rig._folder) + more;
        rig._services = new ServiceCollection().AddSingleton(TimeProvider.System).AddLogging(logging => logging.AddProvider(rig.Log)).AddData(Databases.Configuration(connection)).BuildServiceProvider();
        var migrator = rig._services.GetRequiredService<DatabaseMigrator>();
        await migrator.StartAsync(CancellationToken.None);
        await migrator.Ready.WaitAsync(TimeSpan.FromSeconds(60));
        await using var db = await rig.EverythingAsync();
        rig.Types = [.. db.Model.GetEntityTypes().Where(type => type.FindProperty("Namespace") is not null).OrderBy(type => type.GetForeignKeys().Count())];
        foreach (var type in rig.Types)
        {
            db.AddRange(Row(type, Red, 1), Row(type, Blue, 2));
        }

        await db.SaveChangesAsync();
        return rig;
    }

    public Task<MeshDb> EverythingAsync() => Factory.CreateDbContextAsync(CancellationToken.None);

    public Task<MeshDb> ConfinedAsync(string? space) => Factory.CreateConfinedAsync(space, CancellationToken.None);

    /// <summary>Some row; those of one number belong together.</summary>
    public static object Row(IEntityType type, string space, int number)
    {
        var row = Activator.CreateInstance(type.ClrType)!;
        foreach (var property in type.GetProperties())
        {
            property.PropertyInfo!.SetValue(row, property.Name == "Namespace" ? space : Value(property, number));
        }

        return row;
    }

    /// <summary>The namespaces of all rows that a context has of a type.</summary>
    public static async Task<string> SpacesAsync(MeshDb db, IEntityType type, bool isFiltered = true)
    {
        var set = (IQueryable<object>)typeof(DbContext).GetMethod(nameof(DbContext.Set), [])!.MakeGenericMethod(type.ClrType).Invoke(db, [])!;
        var spaces = (isFiltered ? set : set.IgnoreQueryFilters()).Select(row => EF.Property<string>(row, "Namespace"));
        return string.Join(' ', (await spaces.ToListAsync()).Order(StringComparer.Ordinal));
    }

    /// <summary>What the service itself finds: nothing of it was changed.</summary>
    public async Task HasAllAsync()
    {
        await using var db = await EverythingAsync();
        foreach (var type in Types)
        {
            Assert.Equal((type.Name, "blue red"), (type.Name, await SpacesAsync(db, type)));
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _services.DisposeAsync();
        _folder.Dispose();
    }

    private static object? Value(IProperty property, int number) => property.ClrType switch
    {
        var type when type == typeof(string) => property.IsNullable ? null : $"{property.Name}-{number}",
        var type when type == typeof(int) => number,
        var type when type == typeof(long) => (long)number,
        var type when type == typeof(bool) => false,
        var type when type == typeof(DateTime) => new DateTime(2026, 1, number, 0, 0, 0, DateTimeKind.Utc),
        _ => null,
    };
}
