/** The delay ruler: late trips stick out of the column. Hidden from screen readers; the text beside it says all of it. */
import { drawRuler, type RulerInput } from "./ruler";

export interface DelayRulerProps extends RulerInput {
  readonly width: number;
  readonly height: number;
  readonly large?: boolean;
}

export function DelayRuler({ width, height, large = false, ...input }: DelayRulerProps) {
  const { zero, ticks, late, dot, band, bar, beyond, dots } = drawRuler(input, width);
  const y = height / 2;
  const colour = late ? "var(--late-fill)" : "var(--ink)";
  const edge = late ? "var(--late-edge)" : "var(--ground, var(--surface))";
  return (
    <svg width={width} height={height} style={{ display: "block", overflow: "visible" }} aria-hidden="true">
      <line x1={0} x2={width} y1={y} y2={y} stroke="var(--line)" />
      {ticks.map((x) => (
        <line key={x} x1={x} x2={x} y1={y - 2} y2={y + 2} stroke="var(--line)" />
      ))}
      <line x1={zero} x2={zero} y1={0} y2={height} stroke="var(--line-strong)" strokeWidth={1.25} />
      {dots && (
        <line x1={dots[0]} x2={dots[1]} y1={y} y2={y} stroke="var(--ink3)" strokeWidth={3} strokeDasharray="2 4" />
      )}
      {bar && <line x1={bar[0]} x2={bar[1]} y1={y} y2={y} stroke="var(--late-fill)" strokeWidth={3} />}
      {band && (
        <line
          x1={band[0]}
          x2={band[1]}
          y1={y}
          y2={y}
          stroke={colour}
          strokeOpacity={0.3}
          strokeWidth={large ? 8 : 6}
          strokeLinecap="round"
        />
      )}
      {dot !== null && beyond === null && (
        <circle cx={dot} cy={y} r={large ? 6 : 4} fill={colour} stroke={edge} strokeWidth={1.5} />
      )}
      {dot !== null && beyond !== null && (
        <path
          d={beyond === "right" ? "M-6 -5 3 0 -6 5Z" : "M6 -5 -3 0 6 5Z"}
          transform={`translate(${dot} ${y})`}
          fill={colour}
          stroke={edge}
          strokeWidth={1.25}
          strokeLinejoin="round"
        />
      )}
    </svg>
  );
}
