/** One lane per function on one time axis: its instances as steps, cold starts as rings, and what it does now. */
import { useRef } from "react";

import type { Operations, ServiceStatus } from "../../api";
import { useReading, useWidth } from "../../ui";
import styles from "./Operations.module.css";
import { drawSteps } from "./steps";

const HEIGHT_PX = 29;
const LEAST_SCALE = 3;
const THIRDS = [0, 1, 2, 3];
const MOST_BLOCKS = 5;

export function Lanes({ operations }: { readonly operations: Operations }) {
  const { words, format } = useReading();
  const axis = useRef<HTMLDivElement>(null);
  const width = useWidth(axis);
  const { services, deployments, now_ms, started_ms } = operations;
  const most = Math.max(LEAST_SCALE, ...services.flatMap(({ history }) => history.map(([, instances]) => instances)));
  return (
    <section aria-labelledby="functions-title">
      <header className={styles.head}>
        <h2 id="functions-title">{words.operations.functions}</h2>
        <span>{words.operations.functionsHelp}</span>
        <span className={styles.space} />
        <span className={styles.legend}>
          <svg width={10} height={10} aria-hidden="true">
            <circle cx={5} cy={5} r={3} fill="none" stroke="var(--accent)" strokeWidth={1.75} />
          </svg>
          {words.operations.coldStart}
        </span>
      </header>
      <div className={styles.laneHead} aria-hidden="true">
        <span />
        <div ref={axis} className={styles.times}>
          <span>−15 min</span>
          <span>−10</span>
          <span>−5</span>
          <span>{words.operations.now}</span>
        </div>
        <span>{words.operations.running}</span>
        <span>{words.operations.eventsColumn}</span>
        <span>p99</span>
      </div>
      <ul>
        {services.map((service) => (
          <Lane
            key={`${service.namespace}/${service.name}`}
            service={service}
            scale={{ width, most, now_ms, started_ms }}
          />
        ))}
      </ul>
      {deployments.map(({ namespace, name, running, restarts, problem }) => (
        <p key={`${namespace}/${name}`} className={styles.deployment} data-down={!running || undefined}>
          <b>{name}</b>
          <span>{problem ?? words.operations.deployments}</span>
          <span className={styles.space} />
          <span>{words.operations.deployment(running, restarts, format.integer(restarts))}</span>
        </p>
      ))}
    </section>
  );
}

interface LaneProps {
  readonly service: ServiceStatus;
  readonly scale: {
    readonly width: number;
    readonly most: number;
    readonly now_ms: number;
    readonly started_ms: number;
  };
}

function Lane({ service, scale }: LaneProps) {
  const { words, format } = useReading();
  const { name, instances, starting, requests_per_s, p99_ms, cold_starts, cold_start_p50_ms, problem } = service;
  const steps = drawSteps({ ...scale, history: service.history, height: HEIGHT_PX });
  const cold =
    cold_start_p50_ms === null ? "" : `, ${words.operations.coldStartP50(format.integer(cold_start_p50_ms))}`;
  const sentence = `${words.operations.lanesSentence(name, instances, cold_starts.length)}${cold}`;
  const idle = instances === 0 && starting === 0;
  return (
    <li className={styles.lane} data-idle={idle || undefined} title={sentence} data-testid="lane" data-function={name}>
      <b>{name}</b>
      <svg width={scale.width} height={HEIGHT_PX + 1} role="img" aria-label={sentence}>
        {THIRDS.map((third) => (
          <line
            key={third}
            x1={(third * scale.width) / 3}
            x2={(third * scale.width) / 3}
            y1={0}
            y2={HEIGHT_PX}
            stroke="var(--line)"
          />
        ))}
        <path d={steps.area} fill="var(--accent)" fillOpacity={0.16} />
        <line
          x1={0}
          x2={scale.width}
          y1={HEIGHT_PX + 0.5}
          y2={HEIGHT_PX + 0.5}
          stroke="var(--line-strong)"
          strokeOpacity={0.6}
        />
        <path d={steps.line} fill="none" stroke="var(--accent)" strokeWidth={1.75} />
        {steps.coldStarts.map((x) => (
          <circle key={x} cx={x} cy={HEIGHT_PX} r={3} fill="var(--surface)" stroke="var(--accent)" strokeWidth={1.75} />
        ))}
      </svg>
      <span className={styles.blocks} data-testid="instances">
        {instances > MOST_BLOCKS ? (
          <b>{format.integer(instances)}</b>
        ) : (
          Array.from({ length: instances }, (_, index) => <i key={index} />)
        )}
        {starting > 0 && <i data-starting title={words.operations.starting} />}
        {idle && <em>{words.operations.atZero}</em>}
      </span>
      <span className={styles.value}>
        {!idle && (
          <>
            {format.rate(requests_per_s)} <small>{words.operations.perSecond}</small>
          </>
        )}
      </span>
      <span className={styles.value}>{p99_ms !== null && <Latency ms={p99_ms} />}</span>
      {problem != null && <p className={styles.problem}>{problem}</p>}
    </li>
  );
}

function Latency({ ms }: { readonly ms: number }) {
  const { format } = useReading();
  const [number, unit] = format.latency(ms);
  return (
    <>
      {number} <small>{unit}</small>
    </>
  );
}
