namespace ProtoMesh.Server.Cel;

/// <summary>Why a condition held.</summary>
/// <param name="Values">What it read, by path, in the order of the text.</param>
/// <param name="ToChange">What has to become true for it to hold no more; every sentence of them.</param>
internal sealed record CelExplanation(IReadOnlyList<(string Path, CelValue Value)> Values, IReadOnlyList<string> ToChange);

/// <summary>An optional field that is read where it may be absent.</summary>
internal sealed record CelUnguarded(string Path, int Line, int Column);
