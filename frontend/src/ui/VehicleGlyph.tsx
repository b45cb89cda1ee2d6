/** A vehicle's mark as the list and the counters show it: the shape says motion, the fill says the exception. */
import styles from "./VehicleGlyph.module.css";

export interface VehicleGlyphProps {
  readonly motion: "moving" | "stopped" | "silent";
  readonly attention: "off" | "late" | "silent" | "fine";
  /** Degrees clockwise from north. */
  readonly heading?: number;
  readonly size?: number;
}

const RADIUS = 9.5;
const DART = `M0 ${-RADIUS} L${RADIUS * 0.78} ${RADIUS * 0.78} Q0 ${RADIUS * 0.28} ${-RADIUS * 0.78} ${RADIUS * 0.78} Z`;
const SIDE = RADIUS * 1.36;

export function VehicleGlyph({ motion, attention, heading = 0, size = 32 }: VehicleGlyphProps) {
  const exception = attention === "off" || attention === "late";
  const silent = motion === "silent" && !exception;
  return (
    <svg className={styles.glyph} width={size} height={size} viewBox="-16 -16 32 32" aria-hidden="true">
      {silent ? <SilentMark /> : <Mark stopped={motion !== "moving"} attention={attention} heading={heading} />}
      {exception && <Badge attention={attention} />}
    </svg>
  );
}

function SilentMark() {
  const radius = RADIUS * 0.82;
  return (
    <g fill="none" stroke="var(--quiet)" strokeWidth={2}>
      <circle r={radius} strokeDasharray="3.2 2.7" />
      <path d="M-3.3 -3.3 3.3 3.3M3.3 -3.3 -3.3 3.3" strokeLinecap="round" />
    </g>
  );
}

interface MarkProps {
  readonly stopped: boolean;
  readonly attention: VehicleGlyphProps["attention"];
  readonly heading: number;
}

function Mark({ stopped, attention, heading }: MarkProps) {
  const fill = attention === "late" ? "var(--late-fill)" : attention === "off" ? "var(--off-fill)" : "var(--marker)";
  const edge = attention === "late" ? "var(--late-edge)" : fill;
  const shape = { fill, stroke: edge, strokeWidth: 1.6, strokeLinejoin: "round" } as const;
  return stopped ? (
    <rect x={-SIDE / 2} y={-SIDE / 2} width={SIDE} height={SIDE} rx={RADIUS * 0.32} {...shape} />
  ) : (
    <path d={DART} transform={`rotate(${heading})`} {...shape} />
  );
}

function Badge({ attention }: { readonly attention: "off" | "late" | "silent" | "fine" }) {
  return (
    <g transform={`translate(${RADIUS * 0.82} ${-RADIUS * 0.86})`} strokeLinecap="round" fill="none">
      {attention === "late" ? (
        <>
          <circle r={6.4} className={styles.ground} />
          <circle r={5} fill="var(--badge-bg)" />
          <path d="M0 -2.8V.2L2 1.4" stroke="var(--badge-fg)" strokeWidth={1.4} />
        </>
      ) : (
        <>
          <path d="M0 -7.5 7.5 0 0 7.5 -7.5 0Z" className={styles.ground} />
          <path d="M0 -5.6 5.6 0 0 5.6 -5.6 0Z" fill="var(--off-fill)" />
          <path d="M0 -2.6V.5M0 2.3v.2" stroke="var(--off-on)" strokeWidth={1.5} />
        </>
      )}
    </g>
  );
}
