namespace ProtoMesh.Server.Access;

/// <summary>What a call needs. A role is a set of them.</summary>
[Flags]
internal enum Scopes
{
    None = 0,

    /// <summary>Ask for leases.</summary>
    LocksAcquire = 1,

    /// <summary>Wait for, renew, release, cancel and hand on what is one's own.</summary>
    LocksKeep = 2,

    /// <summary>See who holds what and who waits.</summary>
    LocksRead = 4,

    /// <summary>End or reorder what others have.</summary>
    LocksOperate = 8,

    EventsRead = 16,

    PoliciesCheck = 32,

    PoliciesRead = 64,

    PoliciesWrite = 128,

    DecisionsRead = 256,

    HealthRead = 512,

    KeysAdmin = 1024,

    /// <summary>See how budgets stand.</summary>
    BudgetsRead = 2048,

    /// <summary>Reserve, commit and release amounts.</summary>
    BudgetsReserve = 4096,

    /// <summary>Raise a budget and set its counters right.</summary>
    BudgetsAdmin = 8192,

    NamespacesRead = 1 << 20,

    NamespacesAdmin = 1 << 21,

    /// <summary>Ask people for a yes, and take that back.</summary>
    ApprovalsRequest = 1 << 14,

    ApprovalsRead = 1 << 15,

    /// <summary>Say yes or no, for the groups that the key is of.</summary>
    ApprovalsDecide = 1 << 16,
}

/// <summary>The roles, and what each may. What is not said here is denied.</summary>
internal static class Roles
{
    public const string Agent = "agent";
    public const string Viewer = "viewer";
    public const string Approver = "approver";
    public const string Operator = "operator";
    public const string Auditor = "auditor";
    public const string Admin = "admin";

    private const Scopes Read = Scopes.LocksRead | Scopes.EventsRead | Scopes.PoliciesRead | Scopes.HealthRead | Scopes.BudgetsRead | Scopes.ApprovalsRead;

    private static readonly (string Role, Scopes May)[] Table =
    [
        (Agent, Scopes.LocksAcquire | Scopes.LocksKeep | Scopes.LocksRead | Scopes.EventsRead | Scopes.PoliciesCheck | Scopes.BudgetsRead | Scopes.BudgetsReserve
            | Scopes.ApprovalsRequest | Scopes.ApprovalsRead),
        (Viewer, Read | Scopes.NamespacesRead),
        (Approver, Read | Scopes.ApprovalsDecide),
        (Operator, Read | Scopes.LocksKeep | Scopes.LocksOperate | Scopes.PoliciesCheck | Scopes.PoliciesWrite | Scopes.DecisionsRead | Scopes.NamespacesRead
            | Scopes.BudgetsReserve | Scopes.BudgetsAdmin | Scopes.ApprovalsRequest | Scopes.ApprovalsDecide),
        (Auditor, Read | Scopes.DecisionsRead | Scopes.NamespacesRead),
        (Admin, (Scopes)int.MaxValue),
    ];

    public static IReadOnlyList<string> All { get; } = [.. Table.Select(entry => entry.Role)];

    public static Scopes Of(string role) => Table.FirstOrDefault(entry => entry.Role == role).May;

    public static IEnumerable<string> With(Scopes scope) => Table.Where(entry => entry.May.HasFlag(scope)).Select(entry => entry.Role);

    /// <summary>As callers read it: <c>locks:acquire</c>.</summary>
    public static string Name(Scopes scope)
    {
        var text = scope.ToString();
        var second = 1 + text.AsSpan(1).IndexOfAnyInRange('A', 'Z');
        return $"{text[..second].ToLowerInvariant()}:{text[second..].ToLowerInvariant()}";
    }
}
