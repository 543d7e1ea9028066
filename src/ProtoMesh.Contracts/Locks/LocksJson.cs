using System.Text.Json.Serialization;

namespace ProtoMesh.Contracts.Locks;

/// <summary>
/// How the records of this room are written and read, without reflection. A request with an unknown field is refused
/// because its record says so; an answer's unknown fields are ignored, so that an old client reads a newer server.
/// </summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(AcquireLock))]
[JsonSerializable(typeof(RenewLock))]
[JsonSerializable(typeof(RenewLocks))]
[JsonSerializable(typeof(ReleaseLock))]
[JsonSerializable(typeof(CancelLock))]
[JsonSerializable(typeof(TransferLock))]
[JsonSerializable(typeof(ReprioritizeLock))]
[JsonSerializable(typeof(ForceRelease))]
[JsonSerializable(typeof(ValidateFence))]
[JsonSerializable(typeof(GrantedLock))]
[JsonSerializable(typeof(QueuedLock))]
[JsonSerializable(typeof(ObservedLock))]
[JsonSerializable(typeof(RenewedLock))]
[JsonSerializable(typeof(RenewResults))]
[JsonSerializable(typeof(ReleasedLock))]
[JsonSerializable(typeof(DryRunVerdict))]
[JsonSerializable(typeof(ForceReleased))]
[JsonSerializable(typeof(FenceVerdict))]
[JsonSerializable(typeof(Explanation))]
[JsonSerializable(typeof(LockPage))]
[JsonSerializable(typeof(ResourcePage))]
[JsonSerializable(typeof(QueuePage))]
public sealed partial class LocksJson : JsonSerializerContext;
