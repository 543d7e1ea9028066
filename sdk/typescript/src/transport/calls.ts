import type { CallOptions } from "../options.js";
import type { Call } from "./sender.js";

/** What a call may be given beside its own arguments. */
export type Limits = CallOptions & Pick<Call, "until" | "shielded" | "quiet">;

export type Body = Readonly<Record<string, unknown>>;
export type Parameters = Readonly<Record<string, string | number | boolean | undefined>>;

/** A page of a list. */
export interface Paged {
  readonly nextPageToken?: string;
}

export function get(path: string, parameters: Parameters = {}): Call {
  return { method: "GET", path: path + query(parameters) };
}

export function post(path: string, body?: Body): Call {
  return { method: "POST", path, ...(body && { body: JSON.stringify(body) }) };
}

export function yaml(method: string, path: string, document: string): Call {
  return { method, path, body: document, headers: { "content-type": "application/yaml" } };
}

/** What is undefined is left out. */
export function query(parameters: Parameters): string {
  const parts = Object.entries(parameters).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${encodeURIComponent(String(value))}`]);
  return parts.length === 0 ? "" : `?${parts.join("&")}`;
}

export function escape(segment: string): string {
  return encodeURIComponent(segment);
}
