/** wait: lets time pass in tests that have others to wait for, and waits no longer than it must. */

const LIMIT_MS = 10_000;

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits until something holds; throws, with what was waited for, after ten seconds. */
export async function until(holds: () => boolean | Promise<boolean>, what = "a change"): Promise<void> {
  for (const end = Date.now() + LIMIT_MS; !await holds(); await sleep(10)) {
    if (Date.now() > end) throw new Error(`waited in vain: ${what}`);
  }
}
