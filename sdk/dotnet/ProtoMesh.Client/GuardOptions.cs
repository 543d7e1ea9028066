using ProtoMesh.Contracts.Approvals;

namespace ProtoMesh;

/// <summary>
/// What a guard asks for: the metadata of its action, and priority, waiting time and so on of its lease. A guard without
/// a resource reads of these only who asks, the namespace, the ids, the metadata, and what follows.
/// </summary>
public sealed record GuardOptions : LeaseOptions
{
    /// <summary>What becomes of the action when the service cannot be reached; it is not done.</summary>
    public OnUnavailable OnUnavailable { get; init; }

    /// <summary>What becomes of the action when people have to approve it first; it is not done.</summary>
    public OnApproval OnApproval { get; init; }

    /// <summary>With <see cref="OnApproval.Wait"/>: how long to wait for people; 1 h.</summary>
    public TimeSpan ApprovalTimeout { get; init; } = TimeSpan.FromHours(1);

    /// <summary>With <see cref="OnApproval.Wait"/>: called when the waiting for an approval begins.</summary>
    public Action<Approval>? OnWaiting { get; init; }
}

/// <summary>What becomes of a guarded action when the service cannot be reached.</summary>
public enum OnUnavailable
{
    /// <summary>It is denied.</summary>
    Closed,

    /// <summary>
    /// It runs without a lease and without a decision, and <see cref="MeshClientOptions.OnWarning"/> is told. Not once the
    /// service has said that people have to approve it.
    /// </summary>
    Open,
}

/// <summary>What becomes of a guarded action that people have to approve first.</summary>
public enum OnApproval
{
    /// <summary>It is denied, and <see cref="Denial.Approval"/> says who decides. Asked again after their yes, it runs.</summary>
    Raise,

    /// <summary>The guard waits for them, holding nothing meanwhile, and then goes on.</summary>
    Wait,
}
