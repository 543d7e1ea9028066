using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;
using Microsoft.Extensions.DependencyInjection;
using ProtoMesh.Server.Data;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Data;

/// <summary>A database from before there were walls.</summary>
public sealed class WallMigration : IDisposable
{
    private const string Before = "Approvals";

    private const string Rows = """
        INSERT INTO keys (key_id, namespace, role, labels, sha256, created_at, created_by, revision) VALUES ('k', 'red', 'viewer', '{}', '', '2026-01-01 00:00:00+00', 'test', 1);
        INSERT INTO key_changes (revision, at, key_id, what, "by", data) VALUES (1, '2026-01-01 00:00:00+00', 'k', 'created', 'test', '{}'), (2, '2026-01-01 00:00:00+00', 'lost', 'created', 'test', '{}');
        INSERT INTO approvals (approval_id, namespace, agent_id, action, resources, metadata, rules, policy_name, policy_version, policy_sha256, approver_group, quorum, digest, asked_digest, subject, is_edited, state, requested_at, expires_at)
            VALUES ('a', 'red', '', '', '[]', '{}', '[]', '', 1, '', '', 1, '', '', '', FALSE, 'approved', '2026-01-01 00:00:00+00', '2026-01-01 00:00:00+00');
        INSERT INTO approval_votes (approval_id, approver, name, vote, at) VALUES ('a', 'ada', 'ada', 'approve', '2026-01-01 00:00:00+00');
        INSERT INTO webhook_deliveries (message_id, target, type, body, state, attempts, created_at, next_at)
            VALUES ('m', 't', 'approval.approved', '{"type":"approval.approved","timestamp":"2026-01-01T00:00:00.000Z","data":{"approval_id":"a","namespace":"red","state":"approved","reason":"\u0000 \"namespace\":\"blue\""}}', 'pending', 0, '2026-01-01 00:00:00+00', '2026-01-01 00:00:00+00');
        """;

    private readonly TempFolder _folder = new("walls");

    public void Dispose() => _folder.Dispose();

    [Theory, ClassData(typeof(Databases))]
    public async Task What_is_there_already_belongs_where_its_parent_does_and_an_orphan_nowhere(string database)
    {
        await using var services = new ServiceCollection().AddSingleton(TimeProvider.System).AddLogging()
            .AddData(Databases.Configuration(await Databases.CreateAsync(database, _folder))).BuildServiceProvider();
        var factory = services.GetRequiredService<IDbContextFactory<MeshDb>>();
        await using (var db = await factory.CreateDbContextAsync())
        {
            var migrator = db.GetService<IMigrator>();
            await migrator.MigrateAsync(Before);
            await db.Database.ExecuteSqlRawAsync(Rows.Replace("{", "{{", StringComparison.Ordinal).Replace("}", "}}", StringComparison.Ordinal));
            await migrator.MigrateAsync();
        }

        await using var red = await factory.CreateConfinedAsync("red", CancellationToken.None);
        Assert.Equal(1, await red.Set<Server.Access.KeyChangeRow>().Select(row => row.Revision).SingleAsync());
        Assert.Equal("ada", await red.Set<Server.Approvals.ApprovalVoteRow>().Select(row => row.Approver).SingleAsync());
        Assert.Equal("m", await red.Set<Server.Approvals.Webhooks.WebhookDeliveryRow>().Select(row => row.MessageId).SingleAsync());
        await using var everything = await factory.CreateDbContextAsync();
        Assert.Equal(2, await everything.Set<Server.Access.KeyChangeRow>().CountAsync());

        // And back, for who has to return to the version before.
        await everything.GetService<IMigrator>().MigrateAsync(Before);
        Assert.Equal([1L], await everything.Database.SqlQueryRaw<long>("SELECT count(*) AS \"Value\" FROM approval_votes").ToListAsync());
    }
}
