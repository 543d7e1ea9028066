namespace ProtoMesh.Conformance.Staging;

/// <summary><c>stage --store embedded|redis</c>: a stage until standard input ends, for work on a runner.</summary>
internal static class StageCommand
{
    public static async Task<int> RunAsync(string[] args)
    {
        var store = args switch
        {
            [] => Stores.Embedded,
            ["--store", var named] when Stores.All.Contains(named) => named,
            _ => throw new UsageException("usage: stage [--store embedded|redis]"),
        };
        await using var stage = await Stage.StartAsync(store);
        Console.WriteLine($"stage: {stage.Url}");
        while (await Console.In.ReadLineAsync() is not null)
        {
            // Whoever started it says nothing and closes the input to end it.
        }

        return 0;
    }
}
