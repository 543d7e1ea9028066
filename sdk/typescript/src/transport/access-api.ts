import type { Approval, StandingGrant } from "../approvals-types.js";
import type { BudgetList, BudgetUsage, LedgerEntry, PriceTable, Reservation } from "../budgets-types.js";
import type { ApiKey, IssuedKey } from "../keys-types.js";
import { type Body, escape, get, type Limits, type Paged, type Parameters, post } from "./calls.js";
import type { Call, Sender } from "./sender.js";

/**
 * All HTTP about keys, budgets and approvals. What is made by a call without an id of the caller's is sent once: a second
 * call would make a second key or grant.
 */
export class AccessApi {
  readonly #sender: Sender;

  constructor(sender: Sender) {
    this.#sender = sender;
  }

  createKey(body: Body, limits: Limits): Promise<IssuedKey> {
    return this.#value({ ...post("v1/keys", body), once: true, needs: "key", ...limits });
  }

  listKeys(parameters: Parameters, limits: Limits): Promise<Paged & { keys: ApiKey[] }> {
    return this.#value({ ...get("v1/keys", parameters), needs: "keys", ...limits });
  }

  getKey(keyId: string, limits: Limits): Promise<ApiKey> {
    return this.#value({ ...get(`v1/keys/${escape(keyId)}`), needs: "key_id", ...limits });
  }

  rotateKey(keyId: string, body: Body, limits: Limits): Promise<IssuedKey> {
    return this.#value({ ...post(`v1/keys/${escape(keyId)}/rotate`, body), once: true, needs: "key", ...limits });
  }

  revokeKey(keyId: string, limits: Limits): Promise<ApiKey> {
    return this.#value({ method: "DELETE", path: `v1/keys/${escape(keyId)}`, needs: "key_id", ...limits });
  }

  reserve(body: Body, limits: Limits): Promise<Reservation> {
    return this.#value({ ...post("v1/budgets/reservations", body), needs: "reservation_id", ...limits });
  }

  getReservation(reservationId: string, parameters: Parameters, limits: Limits): Promise<Reservation> {
    return this.#value({ ...get(`v1/budgets/reservations/${escape(reservationId)}`, parameters), needs: "reservation_id", ...limits });
  }

  commitReservation(reservationId: string, body: Body, limits: Limits): Promise<Reservation> {
    return this.#value({ ...post(`v1/budgets/reservations/${escape(reservationId)}/commit`, body), needs: "reservation_id", ...limits });
  }

  releaseReservation(reservationId: string, body: Body, limits: Limits): Promise<Reservation> {
    return this.#value({ ...post(`v1/budgets/reservations/${escape(reservationId)}/release`, body), needs: "reservation_id", ...limits });
  }

  listBudgets(parameters: Parameters, limits: Limits): Promise<BudgetList> {
    return this.#value({ ...get("v1/budgets", parameters), needs: "budgets", ...limits });
  }

  budgetUsage(name: string, parameters: Parameters, limits: Limits): Promise<BudgetUsage> {
    return this.#value({ ...get(`v1/budgets/${escape(name)}/usage`, parameters), needs: "spent", ...limits });
  }

  budgetLedger(name: string, parameters: Parameters, limits: Limits): Promise<Paged & { entries: LedgerEntry[] }> {
    return this.#value({ ...get(`v1/budgets/${escape(name)}/ledger`, parameters), needs: "entries", ...limits });
  }

  topUp(name: string, body: Body, limits: Limits): Promise<BudgetUsage> {
    return this.#value({ ...post(`v1/budgets/${escape(name)}/top-up`, body), needs: "spent", ...limits });
  }

  rebuildBudget(name: string, body: Body, limits: Limits): Promise<BudgetUsage> {
    return this.#value({ ...post(`v1/budgets/${escape(name)}/rebuild`, body), needs: "spent", ...limits });
  }

  prices(limits: Limits): Promise<PriceTable> {
    return this.#value({ ...get("v1/prices"), ...limits });
  }

  requestApproval(body: Body, limits: Limits): Promise<Approval> {
    return this.#value({ ...post("v1/approvals", body), needs: "approval_id", ...limits });
  }

  getApproval(approvalId: string, hold: number | undefined, limits: Limits): Promise<Approval> {
    return this.#value({ ...get(`v1/approvals/${escape(approvalId)}`), ...(hold !== undefined && { hold }), needs: "approval_id", ...limits });
  }

  listApprovals(parameters: Parameters, limits: Limits): Promise<Paged & { approvals: Approval[] }> {
    return this.#value({ ...get("v1/approvals", parameters), needs: "approvals", ...limits });
  }

  decideApproval(approvalId: string, step: "approve" | "deny" | "cancel" | "revoke", body: Body, limits: Limits): Promise<Approval> {
    return this.#value({ ...post(`v1/approvals/${escape(approvalId)}/${step}`, body), needs: "approval_id", ...limits });
  }

  grant(body: Body, limits: Limits): Promise<StandingGrant> {
    return this.#value({ ...post("v1/approvals/grants", body), once: true, needs: "grant_id", ...limits });
  }

  listGrants(parameters: Parameters, limits: Limits): Promise<Paged & { grants: StandingGrant[] }> {
    return this.#value({ ...get("v1/approvals/grants", parameters), needs: "grants", ...limits });
  }

  revokeGrant(grantId: string, body: Body, limits: Limits): Promise<StandingGrant> {
    return this.#value({ ...post(`v1/approvals/grants/${escape(grantId)}/revoke`, body), needs: "grant_id", ...limits });
  }

  async #value<T>(call: Call): Promise<T> {
    return (await this.#sender.send<T>(call)).value;
  }
}
