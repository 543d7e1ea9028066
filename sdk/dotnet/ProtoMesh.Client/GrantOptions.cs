namespace ProtoMesh;

/// <summary>For whom and to what a standing grant applies, beyond its action.</summary>
public sealed record GrantOptions
{
    /// <summary>The only agent that may use it; anyone.</summary>
    public string? AgentId { get; init; }

    /// <summary>The only <c>type/id</c> that it is for; any.</summary>
    public string? Resource { get; init; }

    /// <summary>A condition in CEL that has to hold too, such as <c>metadata.estimated_cost &lt;= 10</c>.</summary>
    public string? Condition { get; init; }

    /// <summary>Why; kept with it.</summary>
    public string? Comment { get; init; }

    /// <summary>Who grants, where the service is open; with keys the key says who.</summary>
    public string? Approver { get; init; }

    /// <summary>Where; the client's namespace.</summary>
    public string? Namespace { get; init; }
}
