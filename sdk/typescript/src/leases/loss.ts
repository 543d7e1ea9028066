import { ownProblem, type Problem } from "../problem.js";

interface Named {
  readonly name: string;
  readonly lockId: string;
}

/** The service's answer means to a holder that it has lost its lease. */
export function meansLoss(problem: Problem): boolean {
  return ["lease_lost", "lock_unknown", "lock_ended", "token_mismatch"].includes(problem.code);
}

/** Whatever the service called it, for its holder the lease is lost, and the same call will not bring it back. */
export function asLoss(problem: Problem): Problem {
  return { ...problem, code: "lease_lost", retryable: false };
}

/** What this process says of it itself. */
export function lossBecause(lease: Named, detail: string, endedBecause?: string): Problem {
  return ownProblem("lease_lost", detail, { lockId: lease.lockId, ...(endedBecause !== undefined && { endedBecause }) });
}

/** Its deadline has passed in this process. */
export function lossByDeadline(lease: Named, handedOn: boolean, endsWithHold: boolean): Problem {
  if (handedOn) {
    return lossBecause(lease, `The lease of ${lease.name} was handed on by a ticket, and this process no longer keeps it.`);
  }
  return endsWithHold
    ? lossBecause(lease, `The lease of ${lease.name} reached the end of its maximal hold.`, "max_hold")
    : lossBecause(lease, `The lease of ${lease.name} was not renewed before its deadline, so it counts as lost.`, "expired");
}
