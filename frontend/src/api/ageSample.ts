/** A fair sample of how old positions were when they came, for the gateway's metrics: every one has the same chance. */

/** As many as a report may hold (docs/protocol.md). */
export const MOST_AGES = 20;

export class AgeSample {
  private kept: number[] = [];
  private seen = 0;

  constructor(private readonly random: () => number) {}

  add(age_ms: number): void {
    this.seen += 1;
    const age = Math.max(0, Math.round(age_ms));
    if (this.kept.length < MOST_AGES) {
      this.kept.push(age);
      return;
    }
    const place = Math.floor(this.random() * this.seen);
    if (place < MOST_AGES) this.kept[place] = age;
  }

  /** The sample since the last time this was asked. */
  take(): number[] {
    const taken = this.kept;
    this.kept = [];
    this.seen = 0;
    return taken;
  }
}
