using System.Text.Json.Serialization;

namespace ProtoMesh.Contracts.Approvals;

/// <summary>How the records of this room are written and read, without reflection.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(Approval))]
[JsonSerializable(typeof(ApprovalPage))]
[JsonSerializable(typeof(RequestApproval))]
[JsonSerializable(typeof(ApproveApproval))]
[JsonSerializable(typeof(DenyApproval))]
[JsonSerializable(typeof(CancelApproval))]
[JsonSerializable(typeof(StandingGrant))]
[JsonSerializable(typeof(StandingGrantPage))]
[JsonSerializable(typeof(CreateStandingGrant))]
[JsonSerializable(typeof(IReadOnlyList<ApprovalRule>))]
public sealed partial class ApprovalsJson : JsonSerializerContext;
