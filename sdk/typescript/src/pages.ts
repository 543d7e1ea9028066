import type { Paged } from "./transport/calls.js";

/** All items of a list, page by page as they are read. */
export async function* pages<P extends Paged, T>(
  read: (pageToken: string | undefined) => Promise<P>, items: (page: P) => readonly T[],
): AsyncGenerator<T, void, undefined> {
  let token: string | undefined;
  do {
    const page = await read(token);
    yield* items(page);
    token = page.nextPageToken;
  } while (token !== undefined);
}
