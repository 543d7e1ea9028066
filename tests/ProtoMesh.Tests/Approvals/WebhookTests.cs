using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.EntityFrameworkCore;
using ProtoMesh.Server.Approvals.Webhooks;
using ProtoMesh.Server.Data;
using ProtoMesh.Tests.Data;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Approvals;

/// <summary>Who is told of approvals outside, and how he knows that it is us.</summary>
public sealed class WebhookTests
{
    private static readonly byte[] Key = RandomNumberGenerator.GetBytes(32);
    private static readonly string Secret = $"whsec_{Convert.ToBase64String(Key)}";

    [Theory, ClassData(typeof(Databases))]
    public async Task A_message_is_signed_as_the_standard_says_and_delivered_once(string database)
    {
        await using var receiver = new Receiver();
        await using var rig = await OpenAsync(database, receiver.Url);
        var id = await rig.ApprovedAsync();
        await rig.CheckAsync(id, "request-1");
        await rig.JournalAsync();
        Assert.Equal(3, await rig.Get<WebhookSender>().SendAsync(CancellationToken.None));
        Assert.Equal(0, await rig.Get<WebhookSender>().SendAsync(CancellationToken.None));
        Assert.Equal(["approval.approved", "approval.consumed", "approval.requested"], receiver.Got.Select(got => (string)JsonNode.Parse(got.Body)!["type"]!).Order(StringComparer.Ordinal));
        foreach (var got in receiver.Got)
        {
            // Computed from the specification, not by our code.
            var signed = Encoding.UTF8.GetBytes($"{got.Headers["webhook-id"]}.{got.Headers["webhook-timestamp"]}.{got.Body}");
            using var hmac = new HMACSHA256(Key);
            Assert.Equal($"v1,{Convert.ToBase64String(hmac.ComputeHash(signed))}", got.Headers["webhook-signature"]);
            Assert.StartsWith("application/json", got.Headers["content-type"], StringComparison.Ordinal);
            Assert.Equal(rig.Store.Clock.GetUtcNow().ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture), got.Headers["webhook-timestamp"]);
            Assert.Equal(id, (string)JsonNode.Parse(got.Body)!["data"]!["approval_id"]!);
        }

        Assert.Equal(3, receiver.Got.Select(got => got.Headers["webhook-id"]).Distinct().Count());
    }

    [Theory, ClassData(typeof(Databases))]
    public async Task What_is_not_taken_is_tried_again_later_and_later_and_given_up_in_the_end(string database)
    {
        await using var receiver = new Receiver { Status = 500 };
        await using var rig = await OpenAsync(database, receiver.Url);
        await rig.AskAsync();
        var (sender, pauses) = (rig.Get<WebhookSender>(), new List<double>());
        for (var attempt = 1; attempt <= 10; attempt++)
        {
            Assert.Equal(1, await sender.SendAsync(CancellationToken.None));
            Assert.Equal(0, await sender.SendAsync(CancellationToken.None));
            var row = await RowAsync(rig);
            Assert.Equal((attempt, attempt < 10 ? "pending" : "dead", "it answered 500"), (row.Attempts, row.State, row.LastError));
            pauses.Add(Math.Round((row.NextAt - rig.Store.Clock.GetUtcNow().UtcDateTime).TotalSeconds, 3)); // PostgreSQL keeps microseconds
            await rig.Store.AdvanceAsync(row.NextAt - rig.Store.Clock.GetUtcNow().UtcDateTime);
        }

        Assert.Equal([5, 30, 120, 600, 1800, 3600, 10800, 21600, 43200, 0], pauses);
        await rig.Store.AdvanceAsync(TimeSpan.FromDays(2));
        Assert.Equal(0, await sender.SendAsync(CancellationToken.None));
        Assert.Single(receiver.Got.Select(got => got.Headers["webhook-id"]).Distinct());
    }

    [Theory, ClassData(typeof(Databases))]
    public async Task Of_two_replicas_one_delivers_it(string database)
    {
        await using var receiver = new Receiver();
        await using var rig = await OpenAsync(database, receiver.Url);
        for (var number = 0; number < 8; number++)
        {
            await rig.AskAsync($"agent-{number}");
        }

        using var second = Microsoft.Extensions.DependencyInjection.ActivatorUtilities.CreateInstance<WebhookSender>(rig.Get<IServiceProvider>());
        await Task.WhenAll(Task.Run(() => rig.Get<WebhookSender>().SendAsync(CancellationToken.None)), Task.Run(() => second.SendAsync(CancellationToken.None)));
        Assert.Equal(8, receiver.Got.Count);
    }

    [Fact]
    public async Task A_private_address_is_refused_by_what_is_connected_to_and_redirects_are_not_followed()
    {
        await using var receiver = new Receiver { Status = 302 };
        await using (var closed = await OpenAsync(Databases.Sqlite, receiver.Url.Replace("127.0.0.1", "localhost", StringComparison.Ordinal), allowPrivate: false))
        {
            await closed.AskAsync();
            await closed.Get<WebhookSender>().SendAsync(CancellationToken.None);
            Assert.Contains("private network", (await RowAsync(closed)).LastError, StringComparison.Ordinal);
        }

        Assert.Empty(receiver.Got);
        await using var open = await OpenAsync(Databases.Sqlite, receiver.Url);
        await open.AskAsync();
        await open.Get<WebhookSender>().SendAsync(CancellationToken.None);
        Assert.Equal("it answered 302", (await RowAsync(open)).LastError);
        Assert.Single(receiver.Got);
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("127.9.9.9")]
    [InlineData("10.1.2.3")]
    [InlineData("172.16.0.1")]
    [InlineData("172.31.255.255")]
    [InlineData("192.168.1.1")]
    [InlineData("169.254.169.254")]
    [InlineData("100.64.0.1")]
    [InlineData("0.0.0.0")]
    [InlineData("224.0.0.1")]
    [InlineData("255.255.255.255")]
    [InlineData("::1")]
    [InlineData("::")]
    [InlineData("::ffff:127.0.0.1")]
    [InlineData("::ffff:10.0.0.1")]
    [InlineData("fe80::1")]
    [InlineData("fec0::1")]
    [InlineData("fd00::1")]
    [InlineData("ff02::1")]
    [InlineData("64:ff9b::7f00:1")]
    [InlineData("2002:7f00:1::")]
    public void An_address_that_is_not_public_is_known(string address) => Assert.False(WebhookGuard.IsPublic(IPAddress.Parse(address)));

    [Theory]
    [InlineData("1.1.1.1")]
    [InlineData("172.32.0.1")]
    [InlineData("100.128.0.1")]
    [InlineData("2606:4700:4700::1111")]
    [InlineData("::ffff:8.8.8.8")]
    public void A_public_address_is_open(string address) => Assert.True(WebhookGuard.IsPublic(IPAddress.Parse(address)));

    [Theory]
    [InlineData("Approvals:Webhooks:0:Url", "ftp://example.com", "Url has to be")]
    [InlineData("Approvals:Webhooks:0:Url", "https://user:word@example.com", "Url has to be")]
    [InlineData("Approvals:Webhooks:0:Secret", "whsec_c2hvcnQ=", "Secret has to be")]
    [InlineData("Approvals:Webhooks:0:Secret", "hunter2hunter2hunter2hunter2", "Secret has to be")]
    [InlineData("Approvals:SweepMs", "1", "SweepMs")]
    public async Task A_wrong_setting_stops_the_start_without_repeating_it(string setting, string value, string expected)
    {
        var all = new Dictionary<string, string> { ["Approvals:Webhooks:0:Url"] = "https://example.com", ["Approvals:Webhooks:0:Secret"] = Secret };
        all[setting] = value;
        await using var server = await MeshServer.TryAsync(null, [], [.. all.Select(pair => (pair.Key, pair.Value))]);
        Assert.Equal(1, await server.ExitAsync());
        var said = string.Join(' ', server.Errors);
        Assert.Contains(expected, said, StringComparison.Ordinal);
        Assert.True(value.Length < 8 || !said.Contains(value, StringComparison.Ordinal), said);
    }

    private static Task<ApprovalRig> OpenAsync(string database, string url, bool allowPrivate = true) => ApprovalRig.OpenAsync(
        StoreBackends.Embedded, database, ApprovalCalls.Humans, ("Approvals:Webhooks:0:Url", url), ("Approvals:Webhooks:0:Secret", Secret), ("Approvals:Webhooks:0:AllowPrivate", allowPrivate ? "true" : "false"));

    private static async Task<WebhookDeliveryRow> RowAsync(ApprovalRig rig)
    {
        await using var db = await rig.Get<IDbContextFactory<MeshDb>>().CreateDbContextAsync();
        return await db.Set<WebhookDeliveryRow>().AsNoTracking().SingleAsync();
    }

    /// <summary>A web server of a few lines that keeps what it is sent.</summary>
    private sealed class Receiver : IAsyncDisposable
    {
        private readonly HttpListener _listener = new();
        private readonly Task _serving;

        public Receiver()
        {
            var port = FreePort.Take(1)[0];
            Url = string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}/hook");
            _listener.Prefixes.Add(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}/"));
            _listener.Prefixes.Add(string.Create(CultureInfo.InvariantCulture, $"http://localhost:{port}/"));
            _listener.Start();
            _serving = ServeAsync();
        }

        public string Url { get; }

        public int Status { get; init; } = 204;

        public System.Collections.Concurrent.ConcurrentBag<(Dictionary<string, string> Headers, string Body)> Got { get; } = [];

        public async ValueTask DisposeAsync()
        {
            _listener.Close();
            await _serving;
        }

        private async Task ServeAsync()
        {
            try
            {
                while (true)
                {
                    var context = await _listener.GetContextAsync();
                    using var reader = new StreamReader(context.Request.InputStream, Encoding.UTF8);
                    var body = await reader.ReadToEndAsync();
                    Got.Add((context.Request.Headers.AllKeys.ToDictionary(name => name!.ToLowerInvariant(), name => context.Request.Headers[name]!), body));
                    context.Response.StatusCode = Status;
                    context.Response.Headers["Location"] = Url;
                    context.Response.Close();
                }
            }
            catch (Exception end) when (end is HttpListenerException or ObjectDisposedException)
            {
                // Closed.
            }
        }
    }
}
