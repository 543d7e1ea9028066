namespace ProtoMesh.Server.Cel;

/// <summary>A place in an expression: line and column, both counted from 1.</summary>
internal readonly record struct CelPosition(int Line, int Column)
{
    public override string ToString() => $"{Line}:{Column}";
}

/// <summary>Why an evaluation has no value, and the place in the expression that says so.</summary>
internal sealed record CelFault(string Message, CelPosition Position)
{
    public const string CostLimit = "cost limit exceeded";

    /// <summary>The rule or its decision did more work than it may; nothing absorbs this error.</summary>
    public bool IsCostLimit => ReferenceEquals(Message, CostLimit);

    public override string ToString() => $"{Position} {Message}";
}

/// <summary>Why an expression is refused when it is loaded, and where.</summary>
internal sealed record CelIssue(int Line, int Column, string Message)
{
    public override string ToString() => $"{Line}:{Column} {Message}";
}

/// <summary>Ends the reading or checking of an expression; it never leaves <see cref="CelEnvironment.Compile"/>.</summary>
internal sealed class CelIssueException(CelPosition position, string message) : Exception(message)
{
    public CelIssue Issue { get; } = new(position.Line, position.Column, message);
}
