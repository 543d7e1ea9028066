using ProtoMesh.Server.Cel;

namespace ProtoMesh.Tests.Cel;

/// <summary>What rules usually ask costs no memory.</summary>
public sealed class CelAllocationTests
{
    [Theory]
    [InlineData("metadata.estimated_cost > params.limits[agent.role]")]
    [InlineData("!(agent.role in params.limits) || metadata.estimated_cost > params.limits[agent.role]")]
    [InlineData("agent.team != 'blue' && !('admin' in agent.roles)")]
    [InlineData("agent.role == 'junior' && metadata.path.startsWith('/srv/') && glob(metadata.path, '/srv/*')")]
    [InlineData("has(metadata.note) && metadata.note == 'x' || metadata.note == 'y' || true")]
    [InlineData("metadata.path.matches('^/srv/[a-z]+$')")]
    [InlineData("now.getHours('Europe/Berlin') >= 18 || now < timestamp('2026-01-01T00:00:00Z')")]
    [InlineData("agent.roles.exists(r, r == 'ops') && agent.roles.all(r, r.size() > 2)")]
    [InlineData("request.priority + 1 > 5 ? metadata.estimated_cost * 2.0 >= 10.0 : false")]
    public void A_usual_condition_allocates_nothing(string source)
    {
        var program = CelRig.Compile(source, CelType.Bool);
        var facts = CelRig.Facts();
        var isTrue = true;
        for (var i = 0; i < 100; i++)
        {
            Step();
        }

        // A test beside this one may have the runner of a regular expression at that moment; then one more is made.
        Assert.Equal(0, Enumerable.Range(0, 5).Min(_ => AllocatedBy(1_000)));
        Assert.True(isTrue);

        long AllocatedBy(int steps)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < steps; i++)
            {
                Step();
            }

            return GC.GetAllocatedBytesForCurrentThread() - before;
        }

        void Step()
        {
            var budget = CelBudget.ForDecision();
            isTrue &= program.Evaluate(facts, ref budget).IsTrue;
        }
    }
}
