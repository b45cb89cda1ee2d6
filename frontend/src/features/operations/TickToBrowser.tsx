/** How old positions are when they reach this browser, as a histogram with p50, p99 and the limit. */
import { useRef } from "react";

import type { AgeSummary } from "../../api";
import { EmptyState, useReading, useWidth } from "../../ui";
import { ChartHead } from "./ChartHead";
import styles from "./Operations.module.css";
import { useTable } from "./useTable";

const LIMIT_MS = 250;
const SHOWN_MS = 300;
const HEIGHT_PX = 128;
const TOP_PX = 36;
const AXIS_MS = [0, 100, 200, 300];

export function TickToBrowser({ ages }: { readonly ages: AgeSummary }) {
  const { words, format } = useReading();
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box);
  const [table, toggleTable] = useTable();
  const empty = ages.count === 0;
  return (
    <section aria-labelledby="tick-title" data-testid="tick-to-browser">
      <ChartHead
        id="tick-title"
        title={words.operations.histogram}
        help={empty ? "" : words.operations.histogramHelp(format.integer(ages.count))}
        table={table}
        onTable={empty ? undefined : toggleTable}
      />
      {empty && <EmptyState title={words.operations.noPositions} text={words.operations.noPositionsHelp} />}
      <div ref={box} className={styles.chart}>
        {!empty && width > 0 && (table ? <AgeTable ages={ages} /> : <Histogram ages={ages} width={width} />)}
      </div>
    </section>
  );
}

interface HistogramProps {
  readonly ages: AgeSummary;
  readonly width: number;
}

function Histogram({ ages, width }: HistogramProps) {
  const { words, format } = useReading();
  const { bins, bin_ms, p50_ms, p99_ms } = ages;
  const greatest = Math.max(1, ...bins);
  const x = (ms: number) => (Math.min(ms, SHOWN_MS) / SHOWN_MS) * width;
  const bar = width / bins.length;
  const p50 = p50_ms ?? 0;
  const p99 = p99_ms ?? 0;
  const sentence = words.operations.histogramSentence(
    format.integer(p50),
    format.integer(p99),
    format.integer(LIMIT_MS),
  );
  return (
    <svg width={width} height={HEIGHT_PX + 22} role="img" aria-label={sentence} className={styles.histogram}>
      {bins.map((count, index) => {
        const height = (count / greatest) * (HEIGHT_PX - TOP_PX);
        const beyond = index * bin_ms >= LIMIT_MS;
        return (
          <rect
            key={index}
            x={index * bar + 0.75}
            y={HEIGHT_PX - height}
            width={Math.max(0, bar - 1.5)}
            height={height}
            fill={beyond ? "var(--late-fill)" : "var(--accent)"}
            fillOpacity={beyond ? 1 : 0.75}
          />
        );
      })}
      <Mark x={x(LIMIT_MS)} y={30} dashed text={`${words.operations.limit} ${format.integer(LIMIT_MS)}`} side="left" />
      <Mark x={x(p50)} y={14} text={`p50 ${format.integer(p50)}`} side={p50Side(x(p50), x(p99))} />
      <Mark x={x(p99)} y={14} text={`p99 ${format.integer(p99)}`} side={x(p99) > width - 70 ? "left" : "right"} />
      <line x1={0} x2={width} y1={HEIGHT_PX + 0.5} y2={HEIGHT_PX + 0.5} stroke="var(--line-strong)" />
      {AXIS_MS.map((ms) => (
        <text
          key={ms}
          x={x(ms)}
          y={HEIGHT_PX + 17}
          fontSize={11.5}
          fill="var(--ink3)"
          textAnchor={ms === 0 ? "start" : ms === SHOWN_MS ? "end" : "middle"}
        >
          {ms === SHOWN_MS ? `${ms}+ ms` : ms}
        </text>
      ))}
    </svg>
  );
}

const LABEL_PX = 70;

/** Left of its line where there is room, else between p50 and p99, else nowhere. */
function p50Side(p50: number, p99: number): MarkProps["side"] {
  if (p50 >= LABEL_PX) return "left";
  return p99 - p50 >= LABEL_PX ? "right" : "none";
}

interface MarkProps {
  readonly x: number;
  readonly y: number;
  readonly text: string;
  readonly side: "left" | "right" | "none";
  readonly dashed?: boolean;
}

function Mark({ x, y, text, side, dashed = false }: MarkProps) {
  return (
    <g>
      <line
        x1={x}
        x2={x}
        y1={y - 12}
        y2={HEIGHT_PX}
        stroke="var(--ink)"
        strokeWidth={1.25}
        {...(dashed ? { strokeDasharray: "4 3" } : {})}
      />
      {side !== "none" && (
        <text
          x={x + (side === "left" ? -6 : 6)}
          y={y}
          textAnchor={side === "left" ? "end" : "start"}
          fontSize={12.5}
          fontWeight={600}
          fill="var(--ink)"
        >
          {text}
        </text>
      )}
    </g>
  );
}

function AgeTable({ ages }: { readonly ages: AgeSummary }) {
  const { words, format } = useReading();
  const last = ages.bins.length - 1;
  return (
    <table className={styles.table}>
      <thead>
        <tr>
          <th scope="col">{words.operations.range}</th>
          <th scope="col">{words.operations.count}</th>
        </tr>
      </thead>
      <tbody>
        {ages.bins.map((count, index) =>
          count === 0 ? null : (
            <tr key={index}>
              <td>
                {index * ages.bin_ms}
                {index === last ? "+" : `–${(index + 1) * ages.bin_ms}`} ms
              </td>
              <td>{format.integer(count)}</td>
            </tr>
          ),
        )}
      </tbody>
    </table>
  );
}
