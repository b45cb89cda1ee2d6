/** What a closed live socket means for coming back: the close code table of docs/protocol.md, and the waits between tries. */

/** `after_ms`: come back after that; `never`: do not; null: wait by the growing backoff. */
export type Return = { readonly after_ms: number } | "never" | null;

const TABLE: ReadonlyMap<number, Return> = new Map<number, Return>([
  [1001, { after_ms: 0 }],
  [1009, "never"],
  [1013, { after_ms: 5000 }],
  [4400, "never"],
  [4408, { after_ms: 0 }],
]);

const FIRST_MS = 250;
const LONGEST_MS = 10_000;

/**
 * Milliseconds to wait before try number `attempt` (0 is the first after a live connection), or "never".
 * The backoff doubles up to 10 s and is jittered between half and the whole, so that a fleet of browsers does not
 * come back in one wave; "at once" holds for the first try only.
 */
export function waitBeforeReturn(code: number, attempt: number, random: () => number): number | "never" {
  const rule = TABLE.get(code) ?? null;
  if (rule === "never") return "never";
  if (rule !== null && attempt === 0) return rule.after_ms;
  const ceiling = Math.min(LONGEST_MS, FIRST_MS * 2 ** attempt);
  return Math.max(rule?.after_ms ?? 0, ceiling * (0.5 + random() / 2));
}
