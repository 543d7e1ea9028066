namespace ProtoMesh.Contracts.Policies;

/// <summary>The answer of <c>POST /v1/policies/validate</c> to a document that can be used.</summary>
public sealed record PolicyValidation
{
    /// <summary>Always true: what is not valid is a problem with the code <c>policy_invalid</c>.</summary>
    public required bool Valid { get; init; }

    /// <summary>The document's name.</summary>
    public required string Name { get; init; }

    /// <summary>SHA-256 of the document's bytes, in lower-case hex.</summary>
    public required string Sha256 { get; init; }

    /// <summary>How many rules it has.</summary>
    public required int Rules { get; init; }

    /// <summary>What is allowed and probably not meant.</summary>
    public required IReadOnlyList<PolicyRemark> Warnings { get; init; }

    /// <summary>How its own tests went.</summary>
    public required PolicyTestSummary Tests { get; init; }
}

/// <summary>A place in a document and what is to be said of it.</summary>
public sealed record PolicyRemark
{
    /// <summary>From 1.</summary>
    public required int Line { get; init; }

    /// <summary>From 1.</summary>
    public required int Column { get; init; }

    /// <summary>A sentence.</summary>
    public required string Message { get; init; }
}

/// <summary>A document's own tests, all of which passed, and what they leave untried.</summary>
public sealed record PolicyTestSummary
{
    /// <summary>How many.</summary>
    public required int Passed { get; init; }

    /// <summary>Rules that held in no test.</summary>
    public required IReadOnlyList<string> NeverHeld { get; init; }

    /// <summary>Rules with a condition that held in every test about their actions.</summary>
    public required IReadOnlyList<string> AlwaysHeld { get; init; }
}

/// <summary>A version of a policy. It never changes.</summary>
public sealed record PolicyVersion
{
    /// <summary>Where it is kept.</summary>
    public required string Namespace { get; init; }

    /// <summary>The document's name.</summary>
    public required string Name { get; init; }

    /// <summary>From 1, without gaps.</summary>
    public required int Version { get; init; }

    /// <summary>SHA-256 of the document's bytes, in lower-case hex.</summary>
    public required string Sha256 { get; init; }

    /// <summary>Who wrote it, as the caller said.</summary>
    public string? Author { get; init; }

    /// <summary>Why, as the caller said.</summary>
    public string? Comment { get; init; }

    /// <summary>Absent for the starter, which comes with the service.</summary>
    public DateTimeOffset? CreatedAt { get; init; }

    /// <summary>Whether it decides in the namespace.</summary>
    public required bool Active { get; init; }

    /// <summary>The text as it was sent; absent in lists.</summary>
    public string? Document { get; init; }
}

/// <summary>A page of versions, newest first.</summary>
public sealed record PolicyVersionPage
{
    /// <summary>Without their documents.</summary>
    public required IReadOnlyList<PolicyVersion> Versions { get; init; }

    /// <summary>Asks for the next page; absent on the last.</summary>
    public string? NextPageToken { get; init; }
}

/// <summary>The answer of <c>GET /v1/policies</c>.</summary>
public sealed record PolicyPage
{
    /// <summary>Which namespace.</summary>
    public required string Namespace { get; init; }

    /// <summary>What decides there.</summary>
    public required PolicyActivation Active { get; init; }

    /// <summary>What the replica that answers decides by.</summary>
    public required LoadedPolicy Loaded { get; init; }

    /// <summary>The names, each with its newest version.</summary>
    public required IReadOnlyList<PolicySummary> Policies { get; init; }

    /// <summary>Asks for the next page; absent on the last.</summary>
    public string? NextPageToken { get; init; }
}

/// <summary>A name.</summary>
public sealed record PolicySummary
{
    /// <summary>The documents' name.</summary>
    public required string Name { get; init; }

    /// <summary>Its newest version.</summary>
    public required int NewestVersion { get; init; }
}

/// <summary>That a version decides in a namespace.</summary>
public sealed record PolicyActivation
{
    /// <summary>Where.</summary>
    public required string Namespace { get; init; }

    /// <summary>The policy's name.</summary>
    public required string Name { get; init; }

    /// <summary>Its version.</summary>
    public required int Version { get; init; }

    /// <summary>SHA-256 of the document's bytes, in lower-case hex.</summary>
    public required string Sha256 { get; init; }

    /// <summary>Grows by 1 with each activation in the namespace; what <c>If-Match</c> carries. 0: nothing was activated yet, the starter decides.</summary>
    public required long Revision { get; init; }

    /// <summary>Who activated it, as the caller said; <c>configuration</c> for the file that <c>Policies:File</c> names.</summary>
    public string? By { get; init; }

    /// <summary>When; absent while nothing was activated.</summary>
    public DateTimeOffset? At { get; init; }
}

/// <summary>What a replica decides by.</summary>
public sealed record LoadedPolicy
{
    /// <summary>The policy's name.</summary>
    public required string Name { get; init; }

    /// <summary>Its version.</summary>
    public required int Version { get; init; }

    /// <summary>The activation that it follows.</summary>
    public required long Revision { get; init; }

    /// <summary>Why a newer activation does not decide here; absent when it is the newest.</summary>
    public string? Problem { get; init; }
}

/// <summary>What changed between two versions.</summary>
public sealed record PolicyDiff
{
    /// <summary>Where they are kept.</summary>
    public required string Namespace { get; init; }

    /// <summary>Their name.</summary>
    public required string Name { get; init; }

    /// <summary>The version that is compared.</summary>
    public required int From { get; init; }

    /// <summary>What it is compared with.</summary>
    public required int To { get; init; }

    /// <summary>What happened to the rules.</summary>
    public required PolicyRuleChanges Rules { get; init; }

    /// <summary>The texts as a unified diff; empty when they are the same.</summary>
    public required string Text { get; init; }
}

/// <summary>Rules by their ids, in the order of their document.</summary>
public sealed record PolicyRuleChanges
{
    /// <summary>Only in the second.</summary>
    public required IReadOnlyList<string> Added { get; init; }

    /// <summary>Only in the first.</summary>
    public required IReadOnlyList<string> Removed { get; init; }

    /// <summary>In both, and not the same.</summary>
    public required IReadOnlyList<string> Changed { get; init; }
}
