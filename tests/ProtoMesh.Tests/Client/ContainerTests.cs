using Microsoft.Extensions.DependencyInjection;

namespace ProtoMesh.Tests.Client;

public sealed class ContainerTests
{
    [Fact]
    public async Task The_container_has_one_client()
    {
        await using var services = new ServiceCollection()
            .AddProtoMesh(_ => new MeshClientOptions { AgentId = "from-the-container" })
            .BuildServiceProvider();

        var mesh = services.GetRequiredService<MeshClient>();

        Assert.Equal("from-the-container", mesh.AgentId);
        Assert.Same(mesh, services.GetRequiredService<MeshClient>());
    }

    [Fact]
    public void An_agent_without_a_name_gets_one_of_its_own()
    {
        Assert.NotEqual(new MeshClientOptions().AgentId, new MeshClientOptions().AgentId);
        Assert.Contains($"-{Environment.ProcessId}-", new MeshClientOptions().AgentId, StringComparison.Ordinal);
    }

    [Fact]
    public void A_relative_address_is_refused_at_once() =>
        Assert.Throws<ArgumentException>(() => new MeshClient(new MeshClientOptions { BaseUrls = [new Uri("/v1", UriKind.Relative)] }));
}
