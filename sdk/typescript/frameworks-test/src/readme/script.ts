import type { Script } from "../rig/framework.js";

/** Asks for $500, reads what is allowed, asks for that and says what came of it. */
export const clerk: Script = (_turn, seen) => {
  const last = seen.at(-1);
  const allowed = /It would be allowed with: metadata\.estimated_cost <= (\d+)\./.exec(last ?? "");
  const refund = (amount: number) => [{ tool: "refund", args: { customer: "123", amount } as never }];
  return last === undefined ? refund(500) : allowed ? refund(Number(allowed[1])) : last;
};
