const REACTION = 2;

/**
 * Until when a holder may believe in its lease. The service ran its script at the earliest `servedMs` after the request
 * was sent, so "sent + served + expires in" on the sender's own monotonic clock is never later than the service's
 * deadline, however long the answer took. The margin covers two clocks that tick at slightly different rates and the
 * time that it takes to stop working.
 */
export function deadlineOf(sent: number, servedMs: number, expiresInMs: number): number {
  const told = servedMs + expiresInMs;
  return sent + told - told / 100 - REACTION;
}
