using ProtoMesh.Leases;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Client;

public sealed class LeaseDeadlineTests
{
    [Fact]
    public void A_fresh_lease_of_30_s_is_believed_for_30_s_less_one_percent_and_two_milliseconds()
    {
        var clock = new FakeClock();
        var deadline = LeaseDeadline.Compute(clock, clock.GetTimestamp(), servedMs: 0, expiresInMs: 30_000);
        Assert.Equal(TimeSpan.FromMilliseconds(29_698), LeaseDeadline.Until(clock, deadline));
    }

    [Fact]
    public void A_long_poll_costs_nothing_of_the_lease()
    {
        var clock = new FakeClock();
        var sent = clock.GetTimestamp();
        clock.Advance(TimeSpan.FromSeconds(8));
        var deadline = LeaseDeadline.Compute(clock, sent, servedMs: 8_000, expiresInMs: 30_000);
        Assert.InRange(LeaseDeadline.Until(clock, deadline), TimeSpan.FromSeconds(29.6), TimeSpan.FromSeconds(30));
    }

    [Fact]
    public void The_deadline_is_never_after_the_services_own_whatever_the_network_does()
    {
        var seed = Random.Shared.Next();
        var random = new Random(seed);
        for (var step = 0; step < 10_000; step++)
        {
            var clock = new FakeClock();
            clock.Advance(TimeSpan.FromMilliseconds(random.Next(1_000_000)));
            var sent = clock.GetTimestamp();
            var (outbound, served, inbound) = (random.Next(5_000), random.Next(8_000), random.Next(20_000));
            var expiresIn = random.Next(1_000, 300_000);
            clock.Advance(TimeSpan.FromMilliseconds(outbound + served));
            var serviceDeadline = clock.GetTimestamp() + TimeSpan.FromMilliseconds(expiresIn).Ticks;
            clock.Advance(TimeSpan.FromMilliseconds(inbound));

            var deadline = LeaseDeadline.Compute(clock, sent, served, expiresIn);

            Assert.True(deadline < serviceDeadline, $"seed {seed}, step {step}");
        }
    }
}
