using Microsoft.AspNetCore.OpenApi;
using Microsoft.Extensions.Options;
using ProtoMesh.Server.Http;

namespace ProtoMesh.Server.Locks;

internal static class LockSetup
{
    public static IServiceCollection AddLocks(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<LockOptions>().Bind(configuration.GetSection("Locks"), binder => binder.ErrorOnUnknownConfiguration = true).ValidateOnStart();
        services.AddSingleton<IValidateOptions<LockOptions>, LockOptionsValidator>();
        services.Configure<OpenApiOptions>(Docs.Document, options => options.AddSchemaTransformer<LockSchemas>());
        services.AddSingleton<LockScripts>();
        services.AddSingleton<LockGate>();
        services.AddSingleton<LockWaiters>();
        services.AddSingleton<LockValidator>();
        services.AddSingleton<LockService>();
        services.AddSingleton<LockReader>();
        services.AddSingleton<LockSweeper>();
        services.AddHostedService(provider => provider.GetRequiredService<LockSweeper>());
        services.AddHostedService<LockStopping>();
        return services;
    }

    /// <summary>Answers the open waits when the service stops, before the server waits for its requests to end.</summary>
    private sealed class LockStopping(LockWaiters waiters, IHostApplicationLifetime lifetime) : IHostedService
    {
        public Task StartAsync(CancellationToken cancellationToken)
        {
            lifetime.ApplicationStopping.Register(waiters.Stopping.Cancel);
            return Task.CompletedTask;
        }

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
