/** The operations page's content: figures, functions, event flow, tick to browser, dead letters; each second anew. */
import { getOperations, liveStore, useResource, type Operations } from "../../api";
import { ProblemNote, useNow, useReading } from "../../ui";
import { DeadLetters } from "./DeadLetters";
import { EventFlow } from "./EventFlow";
import { Lanes } from "./Lanes";
import styles from "./Operations.module.css";
import { figuresOf } from "./summary";
import { TickToBrowser } from "./TickToBrowser";

const EVERY_MS = 1000;
const BIN_MS = 10;
const SHOWN_MS = 300;

export function OperationsPanel() {
  const { words } = useReading();
  const { data, error, reload } = useResource("operations", getOperations, EVERY_MS);
  const now = useNow(browserNow);
  const ages = liveStore.ages.summary(now, BIN_MS, SHOWN_MS);
  return (
    <main className={styles.page} tabIndex={-1} data-region>
      {data && <Figures operations={data} p99={ages.p99_ms} />}
      {error && <ProblemNote title={words.operations.loadFailed} failure={error} onRetry={reload} />}
      <div className={styles.column}>
        {data ? (
          <>
            <Lanes operations={data} />
            <EventFlow operations={data} />
          </>
        ) : (
          !error && <div className={styles.waiting} role="status" aria-label={words.app.loading} />
        )}
      </div>
      <div className={styles.column}>
        <TickToBrowser ages={ages} />
        <DeadLetters />
      </div>
    </main>
  );
}

const browserNow = () => Date.now();

function Figures({ operations, p99 }: { readonly operations: Operations; readonly p99: number | null }) {
  const { words, format } = useReading();
  const figures = figuresOf(operations);
  const rows: readonly (readonly [string, string, string, boolean])[] = [
    [words.operations.tickP99, p99 === null ? "–" : format.integer(p99), p99 === null ? "" : "ms", false],
    [words.operations.events, format.rate(figures.events_per_s), words.operations.perSecond, false],
    [
      words.operations.instances,
      format.integer(figures.instances),
      words.operations.atZeroCount(figures.atZero, format.integer(figures.atZero)),
      false,
    ],
    [words.operations.backlog, format.integer(figures.backlog), words.operations.backlogUnit(figures.backlog), false],
    [
      words.operations.deadLetters,
      format.integer(figures.deadLetters),
      words.operations.total,
      figures.deadLetters > 0,
    ],
  ];
  return (
    <dl className={styles.figures}>
      {rows.map(([name, value, unit, bad]) => (
        <div key={name} data-bad={bad || undefined}>
          <dt>{name}</dt>
          <dd>
            {value}
            <small>{unit}</small>
          </dd>
        </div>
      ))}
    </dl>
  );
}
