import { type MeshError, toError } from "../errors.js";
import { fromWire } from "../naming.js";
import { ownProblem, type Problem } from "../problem.js";
import { MAJOR, VERSION } from "../version.js";

/** Scheme, host and port: a path may hold a resource's name, which does not belong in every log. */
export function origin(base: URL): string {
  return base.origin;
}

export function mediaTypeOf(response: Response): string {
  return (response.headers.get("content-type") ?? "").split(";", 1)[0]!.trim().toLowerCase();
}

export function isJson(response: Response): boolean {
  const type = mediaTypeOf(response);
  return type === "application/json" || type.endsWith("+json");
}

/** The header says which version answered; a proxy's answer has none. */
export function checkVersion(response: Response, base: URL): void {
  const version = response.headers.get("protomesh-version");
  if (version !== null && version.split(".", 1)[0] !== MAJOR) {
    throw toError(ownProblem(
      "version_mismatch", `${origin(base)} is ProtoMesh ${version}; this SDK is ${VERSION} and speaks to ${MAJOR}.x only.`));
  }
}

/** A browser shows nothing of a redirect but that it is one. */
export function refuseRedirect(response: Response, base: URL): void {
  if (response.type === "opaqueredirect" || (response.status >= 300 && response.status < 400)) {
    throw toError(ownProblem(
      "not_protomesh", `${origin(base)} answered with a redirect to ${targetOf(response, base)}, which is not followed: `
        + "is this a ProtoMesh service? Check the base URL."));
  }
}

/** Its origin alone: the rest may hold what does not belong in a log. */
function targetOf(response: Response, base: URL): string {
  const location = response.headers.get("location");
  try {
    return location === null ? "an unnamed place" : new URL(location, base).origin;
  } catch {
    return "an unnamed place";
  }
}

export function unreachable(detail: string, cause?: unknown, more: Partial<Problem> = {}): MeshError {
  return toError(ownProblem("unreachable", detail, more), cause);
}

export function notProtoMesh(response: Response, base: URL): MeshError {
  const answered = isJson(response)
    ? "JSON of another kind"
    : response.ok || mediaTypeOf(response) === "text/html"
      ? `${mediaTypeOf(response) || "no media type"} instead of JSON`
      : `${response.status} without a problem document`;
  return toError(ownProblem(
    "not_protomesh", `${origin(base)} answered ${answered}: is this a ProtoMesh service? Check the base URL.`));
}

/** Reads a problem; what is not one (a proxy's page, an empty body) is told by its status. */
export function readProblem(response: Response, text: string, base: URL): MeshError {
  const retryAfterMs = retryAfterOf(response);
  const problem = isJson(response) ? parse(text) : undefined;
  if (problem) {
    return toError({ ...problem, ...(problem.retryAfterMs === undefined && retryAfterMs !== undefined && { retryAfterMs }) });
  }
  const status = response.status;
  if (status >= 500 || status === 408 || status === 425 || status === 429) {
    return unreachable(
      `${origin(base)} answered ${status} without a problem document; a proxy may have answered for it.`, undefined,
      { status, ...(retryAfterMs !== undefined && { retryAfterMs }) });
  }
  if (status === 401 || status === 403) {
    return toError(ownProblem(status === 401 ? "unauthorized" : "forbidden", `${origin(base)} answered ${status}: it does not let this client in.`));
  }
  return notProtoMesh(response, base);
}

function parse(text: string): Problem | undefined {
  try {
    const body = JSON.parse(text) as Record<string, unknown> | null;
    return typeof body?.code === "string" && typeof body.status === "number" && typeof body.title === "string"
      ? { ...fromWire<Problem>(body), retryable: body.retryable === true }
      : undefined;
  } catch {
    return undefined;
  }
}

/** Seconds, or a date. */
export function retryAfterOf(response: Response): number | undefined {
  const text = response.headers.get("retry-after")?.trim();
  if (!text) {
    return undefined;
  }
  const milliseconds = /^\d+$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - Date.now();
  return Number.isNaN(milliseconds) ? undefined : Math.max(0, milliseconds);
}
