using ProtoMesh.Conformance;
using ProtoMesh.Conformance.Running;
using ProtoMesh.Conformance.Staging;
using ProtoMesh.Conformance.Suite;

try
{
    return args.FirstOrDefault() switch
    {
        "run" => await RunCommand.RunAsync(),
        "stage" => await StageCommand.RunAsync(args[1..]),
        _ => await SuiteCommand.RunAsync(args),
    };
}
catch (Exception failure) when (failure is UsageException or InvalidOperationException or IOException)
{
    Console.Error.WriteLine($"conformance: {failure.Message}");
    return 2;
}
