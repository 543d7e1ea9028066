using ProtoMesh.Server.Store;
using ProtoMesh.Server.Store.Redis;

namespace ProtoMesh.Tests.Store;

public sealed class RedisSettingsTests
{
    [Theory]
    [InlineData("redis://localhost:6379", "ConnectionStrings:Redis cannot be used: it is a URL; write host:port,password=…,ssl=true instead.")]
    [InlineData("password=secret", "ConnectionStrings:Redis cannot be used: it names no host:port.")]
    [InlineData("localhost,pasword=secret", "ConnectionStrings:Redis cannot be used: Keyword 'pasword' is not supported.")]
    [InlineData("localhost,connectTimeout=soon", "ConnectionStrings:Redis cannot be used: Keyword 'connectTimeout' requires an integer value.")]
    [InlineData("sentinel=main,localhost:26379", "Sentinel is not supported yet: ConnectionStrings:Redis has to name the master itself, or the nodes of a Cluster.")]
    [InlineData("localhost:26379,serviceName=main", "Sentinel is not supported yet: ConnectionStrings:Redis has to name the master itself, or the nodes of a Cluster.")]
    public void A_connection_string_that_cannot_be_used_is_explained(string text, string sentence)
    {
        var failure = Assert.Throws<StoreException>(() => RedisSettings.Parse(text));

        Assert.Equal(sentence, failure.Message);
    }

    [Fact]
    public void The_endpoints_are_told_without_the_password() =>
        Assert.Equal("redis.example:6379, 10.0.0.2:7000", RedisSettings.Parse("redis.example,10.0.0.2:7000,password=secret").Where);

    [Fact]
    public void Time_outs_of_the_connection_string_are_kept()
    {
        var plain = RedisSettings.Parse("localhost");
        var own = RedisSettings.Parse("localhost,syncTimeout=700,connectTimeout=900,configCheckSeconds=9,abortConnect=true");

        Assert.Equal((2000, 2000, 2), (plain.Options.SyncTimeout, plain.Options.ConnectTimeout, plain.Options.ConfigCheckSeconds));
        Assert.Equal((700, 900, 9), (own.Options.SyncTimeout, own.Options.ConnectTimeout, own.Options.ConfigCheckSeconds));
        Assert.False(own.Options.AbortOnConnectFail);
    }
}
