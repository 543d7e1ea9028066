using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using ProtoMesh.Server.Store.Embedded;
using ProtoMesh.Server.Store.Redis;

namespace ProtoMesh.Server.Store;

/// <summary>Registers the store: Redis when <c>ConnectionStrings:Redis</c> is set, else the embedded one.</summary>
internal static class StoreSetup
{
    public static IServiceCollection AddStore(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<StoreOptions>().Bind(configuration.GetSection("Store"), binder => binder.ErrorOnUnknownConfiguration = true).ValidateOnStart();
        services.AddSingleton<IValidateOptions<StoreOptions>, StoreOptionsValidator>();
        services.TryAddSingleton(TimeProvider.System);
        if (configuration.GetConnectionString("Redis") is { } redis && !string.IsNullOrWhiteSpace(redis))
        {
            services.AddSingleton<IStoreEngine>(provider => new RedisEngine(
                redis, provider.GetRequiredService<TimeProvider>(), provider.GetRequiredService<ILogger<RedisEngine>>()));
        }
        else
        {
            services.AddSingleton<IStoreEngine, EmbeddedEngine>();
        }

        return services.AddSingleton<ScriptStore>().AddSingleton<StoreMessages>().AddHostedService<StoreStarter>();
    }
}
