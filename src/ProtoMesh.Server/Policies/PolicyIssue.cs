namespace ProtoMesh.Server.Policies;

/// <summary>Something in a policy document, from 1, and what is wrong with it in a sentence.</summary>
internal sealed record PolicyIssue(int Line, int Column, string Message)
{
    public string At(string file) => $"{file}:{Line}:{Column}";
}

/// <summary>What reading a document came to. <see cref="Set"/> is null when there are errors or a test of it fails.</summary>
internal sealed record PolicyLoad(PolicySet? Set, IReadOnlyList<PolicyIssue> Errors, IReadOnlyList<PolicyIssue> Warnings, PolicyTestReport? Tests);

/// <summary>How the document's own tests went, and which rules they touched.</summary>
internal sealed record PolicyTestReport(
    int Passed, IReadOnlyList<PolicyTestFailure> Failed, IReadOnlyList<string> NeverHeld, IReadOnlyList<string> AlwaysHeld);

/// <summary>A test that ended in another way than it says.</summary>
internal sealed record PolicyTestFailure(string Name, int Line, int Column, string Message);
