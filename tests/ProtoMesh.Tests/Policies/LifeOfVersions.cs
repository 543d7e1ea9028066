using Microsoft.EntityFrameworkCore;
using ProtoMesh.Server.Data;
using ProtoMesh.Server.Policies;
using ProtoMesh.Server.Store;
using ProtoMesh.Tests.Data;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Policies;

public sealed class LifeOfVersions
{
    [Theory, Trait("Category", "Slow"), ClassData(typeof(Databases))]
    public async Task However_many_write_at_once_the_versions_are_numbered_from_1_without_gaps(string database)
    {
        await using var rig = await LifeRig.OpenAsync(database);
        LifeRig.Replica[] replicas = [await rig.StartAsync(), await rig.StartAsync()];
        var stored = await Task.WhenAll(Enumerable.Range(1, 12).Select(limit => Task.Run(
            () => replicas[limit % 2].Store.PutAsync(LifeRig.Space, LifeRig.Set(limit), $"author-{limit}", null, CancellationToken.None))));
        Assert.Equal(Enumerable.Range(1, 12), stored.Select(one => one.Row.Version).Order());
        Assert.All(stored, one => Assert.True(one.IsNew));
        foreach (var (row, _) in stored)
        {
            var read = await replicas[0].Store.VersionAsync(LifeRig.Space, "cap", row.Version, CancellationToken.None);
            Assert.Equal((row.Document, row.Sha256, row.Author), (read!.Document, read.Sha256, read.Author));
            Assert.Equal(PolicySet.DigestOf(read.Document), read.Sha256);
        }
    }

    [Theory, ClassData(typeof(Databases))]
    public async Task The_text_of_the_newest_version_makes_no_new_one_and_that_of_an_older_one_does(string database)
    {
        await using var rig = await LifeRig.OpenAsync(database);
        var replica = await rig.StartAsync();
        async Task<(int, bool)> PutAsync(int limit)
        {
            var (row, isNew) = await replica.Store.PutAsync(LifeRig.Space, LifeRig.Set(limit), null, null, CancellationToken.None);
            return (row.Version, isNew);
        }

        Assert.Equal((1, true), await PutAsync(1));
        Assert.Equal((1, false), await PutAsync(1));
        Assert.Equal((2, true), await PutAsync(2));
        Assert.Equal((3, true), await PutAsync(1));
    }

    [Theory, Trait("Category", "Slow"), ClassData(typeof(Databases))]
    public async Task Of_two_activations_that_saw_the_same_revision_one_wins_and_the_other_is_told_the_present_one(string database)
    {
        await using var rig = await LifeRig.OpenAsync(database);
        LifeRig.Replica[] replicas = [await rig.StartAsync(), await rig.StartAsync()];
        var rows = new List<PolicyVersionRow>();
        foreach (var limit in new[] { 1, 2 })
        {
            rows.Add((await replicas[0].Store.PutAsync(LifeRig.Space, LifeRig.Set(limit), null, null, CancellationToken.None)).Row);
        }

        for (var revision = 0; revision < 6; revision++)
        {
            var seen = revision;
            var outcomes = await Task.WhenAll(replicas.Select((replica, index) => Task.Run(() => replica.Life.ActivateAsync(rows[index], $"by-{index}", seen, CancellationToken.None))));
            Assert.Single(outcomes, outcome => outcome.Problem is null);
            var (told, problem) = outcomes.Single(outcome => outcome.Problem is not null);
            Assert.Equal("precondition_failed", problem!.Code);
            Assert.Equal(revision + 1, told!.Revision);
            Assert.Contains($"revision {revision + 1}", problem.Detail, StringComparison.Ordinal);
        }

        await using var db = await replicas[0].Get<IDbContextFactory<MeshDb>>().CreateDbContextAsync();
        Assert.Equal([1, 2, 3, 4, 5, 6], await db.Set<PolicyActivationRow>().Select(row => row.Revision).OrderBy(revision => revision).ToListAsync());
    }

    [Theory, ClassData(typeof(Databases))]
    public async Task Activating_an_older_version_or_the_starter_is_the_way_back(string database)
    {
        await using var rig = await LifeRig.OpenAsync(database);
        var replica = await rig.StartAsync();
        Assert.Equal(("starter", 1, 0L), (replica.Active.Set.Name, replica.Active.Version, replica.Active.Revision));
        await replica.ActivateAsync(1);
        await replica.ActivateAsync(2);
        Assert.Equal(2, replica.Active.Version);

        var first = await replica.Life.FindAsync(LifeRig.Space, "cap", 1, CancellationToken.None);
        await replica.Life.ActivateAsync(first!, "ada", 2, CancellationToken.None);
        Assert.Equal(("cap", 1, 3L, PolicySet.DigestOf(LifeRig.Document(1))), (replica.Active.Set.Name, replica.Active.Version, replica.Active.Revision, replica.Active.Set.Sha256));

        var starter = await replica.Life.FindAsync(LifeRig.Space, "starter", 1, CancellationToken.None);
        await replica.Life.ActivateAsync(starter!, null, 3, CancellationToken.None);
        Assert.Equal(("starter", 4L), (replica.Active.Set.Name, replica.Active.Revision));
        var next = await rig.StartAsync();
        Assert.Equal(("starter", 4L), (next.Active.Set.Name, next.Active.Revision));
    }

    [Theory, ClassData(typeof(Databases))]
    public async Task What_one_replica_activates_decides_on_the_other_within_a_second(string database)
    {
        await using var rig = await LifeRig.OpenAsync(database);
        var (one, other) = (await rig.StartAsync(), await rig.StartAsync());
        var waits = new List<TimeSpan>();
        for (var limit = 1; limit <= 4; limit++)
        {
            var revision = await one.ActivateAsync(limit);
            Assert.Equal(revision, one.Active.Revision); // before it is told
            waits.Add(await Eventually.HoldsAsync(() => other.Active.Revision == revision, $"revision {revision} decides on the other replica"));
            Assert.Equal(one.Active.Set.Sha256, other.Active.Set.Sha256);
        }

        Assert.True(waits.Min() < TimeSpan.FromSeconds(1), $"It took {string.Join(", ", waits)}."); // the slower ones wait for this machine
    }

    [Theory, ClassData(typeof(Databases))]
    public async Task A_database_that_fails_changes_nothing_is_said_once_and_is_followed_again(string database)
    {
        await using var rig = await LifeRig.OpenAsync(database);
        var replica = await rig.StartAsync(("Policies:RefreshMs", "50"));
        var other = await rig.StartAsync();
        await replica.ActivateAsync(1);
        await replica.ExecuteAsync("ALTER TABLE policy_activations RENAME TO away");
        await Eventually.HoldsAsync(() => Said(replica).Any(), "it is said that changes cannot be seen");
        await Task.Delay(500); // ten more looks
        Assert.Single(Said(replica));
        Assert.Equal(1, replica.Active.Revision);
        await replica.ExecuteAsync("ALTER TABLE away RENAME TO policy_activations");
        await other.ActivateAsync(2);
        await Eventually.HoldsAsync(() => replica.Active.Revision == 2, "the change is seen");
        await Eventually.HoldsAsync(
            () => replica.Log.Of(Microsoft.Extensions.Logging.LogLevel.Information).Any(line => line == "Changes of policies can be seen again."), "it is said that changes are seen again");
    }

    [Theory, ClassData(typeof(Databases))]
    public async Task A_stored_policy_that_is_broken_stops_the_start_with_its_errors(string database)
    {
        await using var rig = await LifeRig.OpenAsync(database);
        var replica = await rig.StartAsync();
        await replica.ActivateAsync(1);
        await replica.ExecuteAsync("UPDATE policy_versions SET document = REPLACE(document, 'effect: deny', 'effect: dney')");
        var next = await rig.PrepareAsync(null);
        var refusal = await Assert.ThrowsAsync<BrokenPolicyException>(next.StartAsync<PolicyLoader>);
        Assert.Contains("cap version 1, cannot be used: cap.yaml:8:13 'effect'", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("cap.yaml:11:13", refusal.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', refusal.Message);
    }

    [Theory, ClassData(typeof(Databases))]
    public async Task A_document_that_is_not_the_one_that_was_activated_does_not_decide(string database)
    {
        await using var rig = await LifeRig.OpenAsync(database);
        var replica = await rig.StartAsync();
        await replica.ActivateAsync(1);
        await replica.ExecuteAsync("UPDATE policy_versions SET document = REPLACE(document, 'cost > 1', 'cost > 9')");
        var next = await rig.PrepareAsync(null);
        var refusal = await Assert.ThrowsAsync<BrokenPolicyException>(next.StartAsync<PolicyLoader>);
        Assert.Contains("is not the document that was activated", refusal.Message, StringComparison.Ordinal);
    }

    [Theory, ClassData(typeof(Databases))]
    public async Task A_version_that_a_running_replica_cannot_load_leaves_the_old_one_and_is_said(string database)
    {
        await using var rig = await LifeRig.OpenAsync(database);
        var replica = await rig.StartAsync(("Policies:RefreshMs", "50"));
        await replica.ActivateAsync(1);
        var broken = await replica.Store.PutAsync(LifeRig.Space, LifeRig.Set(2), null, null, CancellationToken.None);
        await replica.ExecuteAsync("UPDATE policy_versions SET document = REPLACE(document, 'effect: deny', 'effect: dney') WHERE version = 2");

        // As a replica of a newer version does that understands more.
        await replica.Store.ActivateAsync(LifeRig.Space, "cap", 2, broken.Row.Sha256, null, 1, CancellationToken.None);
        var policies = replica.Get<ActivePolicies>();
        await Eventually.HoldsAsync(() => policies.RefusedIn(LifeRig.Space) is not null, "the refusal is told");
        Assert.Equal(1, replica.Active.Revision);
        Assert.Contains("cap.yaml:8:13", policies.RefusedIn(LifeRig.Space), StringComparison.Ordinal);
        await Task.Delay(300);
        Assert.Single(replica.Log.Errors, line => line.Contains("cap.yaml:8:13", StringComparison.Ordinal));

        await replica.ActivateAsync(3);
        Assert.Equal(3, replica.Active.Revision);
        Assert.Null(policies.RefusedIn(LifeRig.Space));
    }

    [Fact]
    public void Nothing_decides_before_the_database_was_read()
    {
        var policies = new ActivePolicies(new ProtoMesh.Server.Access.NamespaceBook());
        Assert.Equal("policies_unavailable", Assert.Throws<StoreException>(() => policies.Of("default")).Code);
        policies.MarkLoaded();
        Assert.Equal("starter", policies.Of("default").Set.Name);
        Assert.Same(policies.Of("default"), policies.Of("another")); // nothing is made for each call
    }

    private static IEnumerable<string> Said(LifeRig.Replica replica) => replica.Log.Of(Microsoft.Extensions.Logging.LogLevel.Warning)
        .Where(line => line.StartsWith("Changes of policies cannot be seen", StringComparison.Ordinal));
}
