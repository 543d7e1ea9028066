using ProtoMesh.Server.Store.Embedded;
using Xunit.Abstractions;

namespace ProtoMesh.Tests.Store.Embedded;

public sealed class SkipListTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(7)]
    [InlineData(20261121)]
    public void Ranks_neighbours_and_members_at_a_rank_agree_with_a_sorted_list(int seed)
    {
        output.WriteLine($"seed {seed}");
        var random = new Random(seed);
        var set = new SortedSet();
        var model = new List<(double Score, int Member)>();
        for (var step = 0; step < 20_000; step++)
        {
            var member = random.Next(3000);
            model.RemoveAll(item => item.Member == member);
            if (random.Next(3) == 0)
            {
                set.Remove(Bytes(member));
            }
            else
            {
                var item = ((double)random.Next(50), member);
                set.Set(Bytes(member), item.Item1);
                model.Insert(~model.BinarySearch(item), item);
            }

            if (step % 500 == 0)
            {
                AssertSame(set, model);
            }
        }

        Assert.True(model.Count > 1000);
        AssertSame(set, model);
    }

    /// <summary>Big-endian, so that the order of the bytes is the order of the numbers.</summary>
    private static byte[] Bytes(int member) => [(byte)(member >> 8), (byte)member];

    private static void AssertSame(SortedSet set, List<(double Score, int Member)> model)
    {
        Assert.Equal(model.Count, set.Order.Count);
        SkipList.Node? previous = null;
        for (var rank = 0; rank < model.Count; rank++)
        {
            var node = set.Order.At(rank);
            Assert.Equal(model[rank].Score, node.Score);
            Assert.Equal(Bytes(model[rank].Member), node.Member);
            Assert.Equal(rank, set.Order.RankOf(node));
            Assert.Same(node, set.Find(node.Member));
            Assert.Same(previous, node.Previous);
            Assert.True(previous is null || ReferenceEquals(previous.Next, node));
            previous = node;
        }

        Assert.Null(previous?.Next);
    }
}
