using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging.Abstractions;
using ProtoMesh.Server.Store;
using ProtoMesh.Server.Store.Redis;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Store;

[Trait("Category", "Slow")]
public sealed class RedisOverTls : IDisposable
{
    private readonly TempFolder _certificates = new("tls");

    [Fact]
    public async Task A_server_that_wants_TLS_is_recognised()
    {
        var (server, port) = await StartAsync();
        await using var _ = server;
        var failure = await FailsAsync($"127.0.0.1:{port},connectTimeout=500");

        Assert.Equal(
            $"Redis at 127.0.0.1:{port} accepts connections but does not answer as Redis without TLS; if it expects TLS, add ssl=true.", failure.Message);
    }

    [Fact]
    public async Task A_certificate_that_nobody_vouches_for_is_told()
    {
        var (server, port) = await StartAsync();
        await using var _ = server;
        var failure = await FailsAsync($"127.0.0.1:{port},ssl=true,connectTimeout=500");

        Assert.StartsWith($"TLS with Redis at 127.0.0.1:{port} failed (", failure.Message, StringComparison.Ordinal);
        Assert.Contains("certificate", failure.Message, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task TLS_asked_of_a_server_without_it_is_told()
    {
        await using var server = await RedisServer.StartAsync();
        var failure = await FailsAsync(server.ConnectionString + ",ssl=true,connectTimeout=500");

        Assert.Equal($"Redis at {server.ConnectionString} accepts connections but does not answer as Redis over TLS (ssl=true).", failure.Message);
    }

    public void Dispose() => _certificates.Dispose();

    private static async Task<StoreException> FailsAsync(string connectionString)
    {
        await using var engine = new RedisEngine(connectionString, TimeProvider.System, NullLogger<RedisEngine>.Instance);
        return await Assert.ThrowsAsync<StoreException>(() => engine.StartAsync(CancellationToken.None));
    }

    private async Task<(RedisServer Server, int Port)> StartAsync()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=127.0.0.1", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        var (certificateFile, keyFile) = (Path.Combine(_certificates.Path, "redis.crt"), Path.Combine(_certificates.Path, "redis.key"));
        await File.WriteAllTextAsync(certificateFile, certificate.ExportCertificatePem());
        await File.WriteAllTextAsync(keyFile, key.ExportPkcs8PrivateKeyPem());
        var port = FreePort.Take(1)[0];
        var server = await RedisServer.StartAsync(settings: [
            "--tls-port", $"{port}", "--tls-cert-file", certificateFile, "--tls-key-file", keyFile,
            "--tls-ca-cert-file", certificateFile, "--tls-auth-clients", "no"]);
        return (server, port);
    }
}
