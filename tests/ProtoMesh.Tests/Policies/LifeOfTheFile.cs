using Microsoft.Extensions.Options;
using ProtoMesh.Server.Policies;
using ProtoMesh.Tests.Data;

namespace ProtoMesh.Tests.Policies;

/// <summary>The document that configuration names.</summary>
public sealed class LifeOfTheFile
{
    [Theory, ClassData(typeof(Databases))]
    public async Task A_file_decides_from_the_start_and_the_next_start_changes_nothing(string database)
    {
        await using var rig = await LifeRig.OpenAsync(database);
        for (var start = 0; start < 2; start++)
        {
            var replica = await rig.StartAsync(Write(rig, LifeRig.Document(1)));
            Assert.Equal(("cap", 1, 1L), (replica.Active.Set.Name, replica.Active.Version, replica.Active.Revision));
            Assert.Equal("configuration", (await replica.Store.ActiveAsync(LifeRig.Space, CancellationToken.None))!.By);
        }
    }

    [Theory, ClassData(typeof(Databases))]
    public async Task What_an_operator_activated_stays_until_the_file_changes(string database)
    {
        await using var rig = await LifeRig.OpenAsync(database);
        var replica = await rig.StartAsync(Write(rig, LifeRig.Document(1)));
        Assert.Equal(2, await replica.ActivateAsync(2, "ada"));
        var again = await rig.StartAsync(Write(rig, LifeRig.Document(1)));
        Assert.Equal((2, 2L), (again.Active.Version, again.Active.Revision));

        var changed = await rig.StartAsync(Write(rig, LifeRig.Document(3)));
        Assert.Equal((3, 3L), (changed.Active.Version, changed.Active.Revision));

        // Back to a text that is a version already: it is activated, and no version is made.
        var back = await rig.StartAsync(Write(rig, LifeRig.Document(1)));
        Assert.Equal((1, 4L), (back.Active.Version, back.Active.Revision));
    }

    [Theory, ClassData(typeof(Databases))]
    public async Task Replicas_that_start_at_once_activate_it_once(string database)
    {
        await using var rig = await LifeRig.OpenAsync(database);
        var file = Write(rig, LifeRig.Document(1));
        var replicas = new List<LifeRig.Replica>();
        for (var count = 0; count < 4; count++)
        {
            replicas.Add(await rig.PrepareAsync(null, file));
        }

        await Task.WhenAll(replicas.Select(replica => Task.Run(replica.StartAsync<PolicyLoader>)));
        Assert.All(replicas, replica => Assert.Equal((1, 1L), (replica.Active.Version, replica.Active.Revision)));
    }

    [Fact]
    public async Task A_file_that_is_wrong_stops_the_start_with_each_error_and_its_place()
    {
        await using var rig = await LifeRig.OpenAsync(Databases.Sqlite);
        var file = Write(rig, LifeRig.Document(1).Replace("effect: deny", "effect: dney", StringComparison.Ordinal));
        var replica = await rig.PrepareAsync(null, file);
        var refusal = await Assert.ThrowsAsync<OptionsValidationException>(replica.StartAsync<PolicyLoader>);
        Assert.Contains($"{file.Value}:8:13 ", refusal.Message, StringComparison.Ordinal);
        Assert.Contains($"{file.Value}:11:13 ", refusal.Message, StringComparison.Ordinal);
        Assert.Null(await replica.Store.ActiveAsync(LifeRig.Space, CancellationToken.None));
    }

    [Fact]
    public async Task A_file_whose_tests_fail_or_that_is_no_text_or_takes_a_reserved_name_stops_the_start()
    {
        await using var rig = await LifeRig.OpenAsync(Databases.Sqlite);
        async Task<string> RefusalAsync((string, string) file) =>
            (await Assert.ThrowsAsync<OptionsValidationException>((await rig.PrepareAsync(null, file)).StartAsync<PolicyLoader>)).Message;

        var failing = LifeRig.Document(1) + "\ntests:\n  - name: all may spend\n    given: { action: spend, metadata: { cost: 2 } }\n    expect: { decision: allow }\n";
        Assert.Contains(":17:5 the test 'all may spend' decides deny", await RefusalAsync(Write(rig, failing)), StringComparison.Ordinal);
        Assert.Contains("'starter' is reserved", await RefusalAsync(Write(rig, LifeRig.Document(1, "starter"))), StringComparison.Ordinal);
        Assert.Contains("'deny-all' is reserved", await RefusalAsync(Write(rig, LifeRig.Document(1, "deny-all"))), StringComparison.Ordinal);
        var path = Write(rig, "");
        await File.WriteAllBytesAsync(path.Value, [0xff, 0xfe, 0x00]);
        Assert.Contains("is not UTF-8 text", await RefusalAsync(path), StringComparison.Ordinal);
        File.Delete(path.Value);
        Assert.Contains(path.Value, await RefusalAsync(path), StringComparison.Ordinal);
    }

    private static (string Key, string Value) Write(LifeRig rig, string document)
    {
        var path = Path.Combine(rig.Folder, "policy.yaml");
        File.WriteAllText(path, document);
        return ("Policies:File", path);
    }
}
