/** Who sends how many events into the broker, and which trigger takes how many out; the width of a stream is its rate. */
import { useRef } from "react";

import type { Operations } from "../../api";
import { useReading, useWidth } from "../../ui";
import { ChartHead } from "./ChartHead";
import { drawFlow, type FlowBand, type FlowDrawing, type Stream } from "./flow";
import styles from "./Operations.module.css";
import { figuresOf, sourcesOf, targetsOf } from "./summary";
import { useTable } from "./useTable";

const NARROW_PX = 560;
const CHARACTER_PX = 6.6;
const RATE_PX = 76;

export function EventFlow({ operations }: { readonly operations: Operations }) {
  const { words, format } = useReading();
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box);
  const [table, toggleTable] = useTable();
  const sources = sourcesOf(operations);
  const targets = targetsOf(operations, words);
  const narrow = width > 0 && width < NARROW_PX;
  const rate = figuresOf(operations).events_per_s;
  return (
    <section aria-labelledby="flow-title">
      <ChartHead
        id="flow-title"
        title={words.operations.flow}
        help={narrow ? "" : words.operations.flowHelp}
        table={table || narrow}
        onTable={narrow ? undefined : toggleTable}
      />
      <div ref={box} className={styles.chart}>
        {width > 0 &&
          (table || narrow ? (
            <FlowTable sources={sources} targets={targets} />
          ) : (
            <FlowDrawn drawing={drawFlow(sources, targets, width)} rate={format.rate(rate)} width={width} />
          ))}
      </div>
    </section>
  );
}

interface FlowDrawnProps {
  readonly drawing: FlowDrawing;
  readonly rate: string;
  readonly width: number;
}

function FlowDrawn({ drawing, rate, width }: FlowDrawnProps) {
  const { words, format } = useReading();
  const { broker, left, right, leftEdge, rightEdge, height } = drawing;
  const sentence = [...left, ...right]
    .map(({ stream }) => words.operations.flowSentence(stream.name, format.rate(stream.rate)))
    .join("; ");
  const middle = broker.x + broker.width / 2;
  return (
    <svg className={styles.flow} width={width} height={height} role="img" aria-label={sentence}>
      {left.map((band) => (
        <Source key={band.stream.detail} band={band} edge={leftEdge} />
      ))}
      {right.map((band) => (
        <Target key={band.stream.name} band={band} edge={rightEdge} width={width} />
      ))}
      <rect
        x={broker.x}
        y={broker.y}
        width={broker.width}
        height={broker.height}
        rx={8}
        fill="var(--surface)"
        stroke="var(--line-strong)"
        strokeWidth={1.25}
      />
      <text x={middle} y={height / 2 - 3} textAnchor="middle" fontSize={14.5} fontWeight={650} fill="var(--ink)">
        {words.operations.broker}
      </text>
      <text x={middle} y={height / 2 + 15} textAnchor="middle" fontSize={12.5} fill="var(--ink3)">
        {rate} {words.operations.perSecond}
      </text>
    </svg>
  );
}

function Band({ band, x }: { readonly band: FlowBand; readonly x: number }) {
  const { stream, thickness, y, path } = band;
  const colour = stream.failed ? "var(--off-fill)" : "var(--accent)";
  const block = Math.max(thickness, 4);
  return (
    <>
      <path d={path} fill={colour} fillOpacity={stream.failed ? 0.9 : 0.34} />
      <rect x={x} y={y - block / 2} width={4} height={block} rx={1} fill={colour} />
    </>
  );
}

function Source({ band, edge }: { readonly band: FlowBand; readonly edge: number }) {
  const { words, format } = useReading();
  const { stream, y } = band;
  return (
    <g data-idle={(stream.rate === 0 && !stream.failed) || undefined}>
      <title>{stream.detail}</title>
      <Band band={band} x={edge - 4} />
      <text x={edge - 10} y={y - 2} textAnchor="end" fontSize={14} fontWeight={600} fill="var(--ink)">
        {fitting(stream.name, edge - 24)}
      </text>
      <text x={edge - 10} y={y + 14} textAnchor="end" fontSize={12.5} fill="var(--ink3)">
        {format.rate(stream.rate)} {words.operations.perSecond}
      </text>
    </g>
  );
}

interface TargetProps {
  readonly band: FlowBand;
  readonly edge: number;
  readonly width: number;
}

function Target({ band, edge, width }: TargetProps) {
  const { words, format } = useReading();
  const { stream, y } = band;
  const room = width - edge - 14 - RATE_PX;
  return (
    <g data-idle={(stream.rate === 0 && !stream.failed) || undefined}>
      <title>{`${stream.name}: ${stream.detail}`}</title>
      <Band band={band} x={edge} />
      <text x={edge + 14} y={y - 2} fontSize={14} fontWeight={600} fill={stream.failed ? "var(--off)" : "var(--ink)"}>
        {fitting(stream.name, room)}
      </text>
      <text x={edge + 14} y={y + 14} fontSize={12.5} fill="var(--ink3)">
        {stream.failed ? words.operations.total : fitting(stream.detail, room)}
      </text>
      <text x={width} y={y + 5} textAnchor="end" fontSize={14} fill="var(--ink2)">
        {stream.failed ? stream.detail : `${format.rate(stream.rate)} ${words.operations.perSecond}`}
      </text>
    </g>
  );
}

/** The text, or as much of it as has room, with an ellipsis; the whole stands in the title. */
function fitting(text: string, px: number): string {
  const most = Math.max(4, Math.floor(px / CHARACTER_PX));
  return text.length <= most ? text : `${text.slice(0, most - 1).trimEnd()}…`;
}

interface FlowTableProps {
  readonly sources: readonly Stream[];
  readonly targets: readonly Stream[];
}

function FlowTable({ sources, targets }: FlowTableProps) {
  const { words, format } = useReading();
  const rows = (streams: readonly Stream[], arrow: (name: string) => string) =>
    streams.map((stream) => (
      <tr key={`${stream.name} ${stream.detail}`}>
        <th scope="row">{arrow(stream.name)}</th>
        <td>{stream.detail}</td>
        <td>{stream.failed ? "" : `${format.rate(stream.rate)} ${words.operations.perSecond}`}</td>
      </tr>
    ));
  return (
    <table className={styles.table}>
      <tbody>
        {rows(sources, (name) => `${name} → ${words.operations.broker}`)}
        {rows(targets, (name) => `${words.operations.broker} → ${name}`)}
      </tbody>
    </table>
  );
}
