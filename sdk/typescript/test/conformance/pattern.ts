import { isObject, type Json, ScenarioFailure } from "./json.js";
import { walk } from "./names.js";

/** Undefined when the value matches, else a sentence that says where it does not. */
export function difference(pattern: Json, actual: Json, path = ""): string | undefined {
  if (pattern === null || pattern === undefined) {
    return isAbsent(actual) ? undefined : says(path, "nothing", actual);
  }
  if (Array.isArray(pattern)) {
    if (!Array.isArray(actual)) {
      return says(path, "an array", actual);
    }
    return pattern.length === actual.length
      ? firstOf(pattern, (item, index) => difference(item, actual[index], join(path, index)))
      : says(path, `${pattern.length} elements`, actual);
  }
  if (!isObject(pattern)) {
    return pattern === actual ? undefined : says(path, JSON.stringify(pattern), actual);
  }
  const members = Object.entries(pattern);
  if (members[0]?.[0].startsWith("$")) {
    return firstOf(members, ([name, operand]) => operator(name, operand, actual, path));
  }
  return isObject(actual)
    ? firstOf(members, ([name, member]) => difference(member, Object.hasOwn(actual, name) ? actual[name] : undefined, join(path, name)))
    : says(path, "an object", actual);
}

function operator(name: string, operand: Json, actual: Json, path: string): string | undefined {
  const holds = (does: boolean) => (does ? undefined : says(path, `${name} ${JSON.stringify(operand ?? null)}`, actual));
  switch (name) {
    case "$length":
      return Array.isArray(actual) ? difference(operand, actual.length, join(path, "length")) : holds(false);
    case "$contains":
      return holds(Array.isArray(actual)
        ? actual.some(item => difference(operand, item) === undefined)
        : typeof actual === "string" && typeof operand === "string" && actual.includes(operand));
    case "$all":
      return Array.isArray(actual) ? firstOf(actual, (item, index) => difference(operand, item, join(path, index))) : holds(false);
    case "$ascending":
      return holds(Array.isArray(actual) && rises(actual, String(operand)));
    case "$gt":
      return holds(isNumber(actual) && isNumber(operand) && actual > operand);
    case "$gte":
      return holds(isNumber(actual) && isNumber(operand) && actual >= operand);
    case "$lt":
      return holds(isNumber(actual) && isNumber(operand) && actual < operand);
    case "$lte":
      return holds(isNumber(actual) && isNumber(operand) && actual <= operand);
    case "$type":
      return holds(typeOf(actual) === operand);
    case "$matches":
      return holds(typeof actual === "string" && new RegExp(String(operand)).test(actual));
    case "$absent":
      return isAbsent(actual) ? undefined : says(path, "nothing", actual);
    case "$not":
      return holds(difference(operand, actual) !== undefined);
    case "$any":
      return holds((operand as Json[]).some(one => difference(one, actual) === undefined));
    default:
      throw new ScenarioFailure(`there is no pattern ${name}`);
  }
}

function firstOf<T>(items: readonly T[], look: (item: T, index: number) => string | undefined): string | undefined {
  for (const [index, item] of items.entries()) {
    const found = look(item, index);
    if (found !== undefined) {
      return found;
    }
  }
  return undefined;
}

function rises(list: readonly Json[], path: string): boolean {
  const numbers = list.map(item => (path === "" ? item : walk(item, path.split("."))));
  return numbers.every((number, index) => isNumber(number) && (index === 0 || (numbers[index - 1] as number) < number));
}

function isAbsent(value: Json): value is null | undefined {
  return value === null || value === undefined;
}

function isNumber(value: Json): value is number {
  return typeof value === "number";
}

function typeOf(value: Json): string {
  return isAbsent(value) ? "null" : Array.isArray(value) ? "array" : typeof value;
}

function join(path: string, part: string | number): string {
  return path === "" ? String(part) : `${path}.${part}`;
}

function says(path: string, expected: string, actual: Json): string {
  const shown = isAbsent(actual) ? "nothing" : JSON.stringify(actual);
  return `${path === "" ? "the result" : path} should be ${expected} and is ${shown.length > 600 ? `${shown.slice(0, 600)}…` : shown}`;
}
