using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using ProtoMesh.Server.Store;
using ProtoMesh.Server.Store.Embedded;
using ProtoMesh.Server.Store.Redis;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Store;

public sealed class StoreSetupTests
{
    [Fact]
    public async Task A_connection_string_of_Redis_chooses_Redis()
    {
        await using var services = Build(("ConnectionStrings:Redis", "localhost"), ("Store:Partitions", "8"));

        Assert.IsType<RedisEngine>(services.GetRequiredService<IStoreEngine>());
        Assert.Same(services.GetRequiredService<IStoreEngine>(), services.GetRequiredService<ScriptStore>().Engine);
        Assert.Equal(8, services.GetRequiredService<IOptions<StoreOptions>>().Value.Partitions);
    }

    [Theory]
    [InlineData("")]
    [InlineData(" ")]
    public async Task Without_one_the_store_is_embedded(string redis)
    {
        await using var services = Build(("ConnectionStrings:Redis", redis));

        Assert.IsType<EmbeddedEngine>(services.GetRequiredService<IStoreEngine>());
    }

    [Theory]
    [InlineData("Store:Partitions", "0")]
    [InlineData("Store:GroupBy", "colour")]
    public async Task A_setting_out_of_range_stops_the_start_with_its_name(string name, string value)
    {
        await using var services = Build((name, value));
        var failure = Assert.Throws<OptionsValidationException>(() => services.GetRequiredService<IStartupValidator>().Validate());

        Assert.Contains(name.Split(':')[1], failure.Message, StringComparison.Ordinal);
    }

    private static ServiceProvider Build(params (string Name, string Value)[] settings) => new ServiceCollection()
        .AddLogging()
        .AddSingleton<IRecoveryCheck, TestStore.AlwaysOpen>()
        .AddStore(new ConfigurationBuilder().AddInMemoryCollection(settings.ToDictionary(one => one.Name, one => (string?)one.Value)).Build())
        .BuildServiceProvider();
}
