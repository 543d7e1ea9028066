using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace ProtoMesh;

/// <summary>Adds the client to a container.</summary>
public static class ServiceCollectionExtensions
{
    /// <summary>Adds one <see cref="MeshClient"/> for the whole application, unless it has one already.</summary>
    /// <param name="services">The container.</param>
    /// <param name="options">Makes the options from the container's services; by default they come from the environment.</param>
    public static IServiceCollection AddProtoMesh(
        this IServiceCollection services, Func<IServiceProvider, MeshClientOptions>? options = null)
    {
        services.TryAddSingleton(provider => new MeshClient(options?.Invoke(provider)));
        return services;
    }
}
