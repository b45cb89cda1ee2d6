/** How old positions are when they reach this browser: counts per millisecond, kept by the minute for a quarter of an hour. */

const MINUTE_MS = 60_000;
const MINUTES = 15;
const LONGEST_MS = 2000;

export interface AgeSummary {
  readonly count: number;
  readonly p50_ms: number | null;
  readonly p99_ms: number | null;
  /** Positions per bin of `bin_ms`, from 0; the last bin holds everything above. */
  readonly bins: readonly number[];
  readonly bin_ms: number;
}

export class FrameAges {
  private readonly minutes = new Map<number, Uint32Array>();

  add(age_ms: number, now_ms: number): void {
    const minute = Math.floor(now_ms / MINUTE_MS);
    let counts = this.minutes.get(minute);
    if (!counts) {
      counts = new Uint32Array(LONGEST_MS + 1);
      this.minutes.set(minute, counts);
      for (const kept of this.minutes.keys()) if (kept <= minute - MINUTES) this.minutes.delete(kept);
    }
    const bin = Math.min(LONGEST_MS, Math.max(0, Math.round(age_ms)));
    counts[bin] = (counts[bin] ?? 0) + 1;
  }

  /** Of the last quarter of an hour, in bins of `bin_ms` up to `upTo_ms`. */
  summary(now_ms: number, bin_ms: number, upTo_ms: number): AgeSummary {
    const total = new Uint32Array(LONGEST_MS + 1);
    const oldest = Math.floor(now_ms / MINUTE_MS) - MINUTES;
    for (const [minute, counts] of this.minutes) {
      if (minute <= oldest) continue;
      for (let i = 0; i <= LONGEST_MS; i++) total[i] = (total[i] ?? 0) + (counts[i] ?? 0);
    }
    const count = total.reduce((sum, n) => sum + n, 0);
    const bins = new Array<number>(Math.ceil(upTo_ms / bin_ms)).fill(0);
    total.forEach((n, age) => {
      const bin = Math.min(bins.length - 1, Math.floor(age / bin_ms));
      bins[bin] = (bins[bin] ?? 0) + n;
    });
    return { count, p50_ms: quantile(total, count, 0.5), p99_ms: quantile(total, count, 0.99), bins, bin_ms };
  }
}

/** Nearest rank: the smallest age that at least `share` of all do not exceed. */
function quantile(total: Uint32Array, count: number, share: number): number | null {
  if (count === 0) return null;
  const rank = Math.ceil(share * count);
  let seen = 0;
  for (let age = 0; age < total.length; age++) {
    seen += total[age] ?? 0;
    if (seen >= rank) return age;
  }
  return LONGEST_MS;
}
