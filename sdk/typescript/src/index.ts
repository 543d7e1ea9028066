export type { ApprovalFilter, ApprovalOptions, ApprovalsClient, ApproveOptions, GrantOptions, VoteOptions, WaitOptions } from "./approvals.js";
export type * from "./approvals-types.js";
export type { BudgetsClient, Cost, CounterOptions, LedgerFilter, ReserveOptions, TopUpOptions } from "./budgets.js";
export type * from "./budgets-types.js";
export { type LockBody, ProtoMesh } from "./client.js";
export type { Denial } from "./denial.js";
export { lostText } from "./denial.js";
export {
  ApprovalRequiredError, BudgetExceededError, ConflictError, LeaseLostError, LockConflictError, LockEndedError, LockHeldError,
  LockTimeoutError, MeshError, NotFoundError, PolicyDeniedError, ProtocolError, QueueFullError, RateLimitedError, ServiceFailedError,
  UnauthorizedError, UnavailableError, ValidationError,
} from "./errors.js";
export type { EventFilter, EventsClient } from "./events.js";
export type { FencesClient } from "./fences.js";
export type { DeniedGuard, GrantedGuard, Guard, GuardBody, GuardOptions } from "./guard.js";
export type { KeyOptions, KeysClient, RotateOptions } from "./keys.js";
export type * from "./keys-types.js";
export type { Lease } from "./leases/lease.js";
export type { Ticket } from "./leases/ticket.js";
export type { ForceReleaseOptions, LockFilter, LocksClient, QueueOptions, ResourceFilter } from "./locks.js";
export type * from "./locks-types.js";
export type { AcquireOptions, CallOptions, ClientOptions, ListOptions, Logger, NamespaceOptions } from "./options.js";
export type {
  ActivateOptions, AskOptions, CheckOptions, DecisionFilter, PageOptions, PoliciesClient, PolicyCheck, PutOptions,
} from "./policies.js";
export type * from "./policies-types.js";
export type { FieldError, Problem } from "./problem.js";
export type { Spent, TakenReservation } from "./settlement.js";
export { VERSION } from "./version.js";
