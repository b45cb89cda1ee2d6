/** Events that nobody could handle, with the reason: look at one, send it again, or drop it after one question. */
import Button from "@mui/material/Button";
import Dialog from "@mui/material/Dialog";
import DialogActions from "@mui/material/DialogActions";
import DialogContent from "@mui/material/DialogContent";
import DialogTitle from "@mui/material/DialogTitle";
import { useState } from "react";

import { ApiError, dropDeadLetter, getDeadLetters, replayDeadLetter, useResource, type DeadLetter } from "../../api";
import { EmptyState, ProblemNote, RawEvent, useReading, type Failure } from "../../ui";
import styles from "./Operations.module.css";
import { shortName } from "./summary";

const EVERY_MS = 2000;
const LIMIT = 50;

export function DeadLetters() {
  const { words, format } = useReading();
  const { data, error, reload } = useResource("dead-letters", (signal) => getDeadLetters(LIMIT, signal), EVERY_MS);
  const more = data ? data.total - data.dead_letters.length : 0;
  return (
    <section aria-labelledby="letters-title" data-testid="dead-letters">
      <header className={styles.head}>
        <h2 id="letters-title">{words.operations.deadLetters}</h2>
        {data && data.total > 0 && <span>{format.integer(data.total)}</span>}
      </header>
      {error && !data && <ProblemNote title={words.operations.lettersFailed} failure={error} onRetry={reload} />}
      {data?.total === 0 && (
        <EmptyState title={words.operations.noDeadLetters} text={words.operations.noDeadLettersHelp} />
      )}
      <ul>
        {data?.dead_letters.map((letter) => (
          <Letter key={letter.letter_id} letter={letter} onChange={reload} />
        ))}
      </ul>
      {more > 0 && <p className={styles.more}>{words.operations.more(format.integer(more))}</p>}
    </section>
  );
}

interface LetterProps {
  readonly letter: DeadLetter;
  readonly onChange: () => void;
}

function Letter({ letter, onChange }: LetterProps) {
  const { words, format } = useReading();
  const [open, setOpen] = useState(false);
  const [asking, setAsking] = useState(false);
  const { busy, failure, run } = useAction(onChange);
  const type = letter.event.type.replace(/^dev\.trackway\./, "");
  const why = [shortName(letter.destination), letter.code === null ? null : String(letter.code)]
    .filter(Boolean)
    .join(" ");
  return (
    <li className={styles.letter} data-testid="dead-letter">
      <div className={styles.letterRow}>
        <div>
          <b>{type}</b>
          <span>
            {format.time(Date.parse(letter.failed_at))}, {why}: {letter.reason}
          </span>
        </div>
        <Button size="small" aria-expanded={open} onClick={() => setOpen(!open)}>
          {open ? words.app.close : words.operations.view}
        </Button>
        <Button
          size="small"
          variant="outlined"
          color="inherit"
          disabled={busy}
          onClick={() => run(() => replayDeadLetter(letter.letter_id))}
        >
          {words.operations.replay}
        </Button>
      </div>
      {open && (
        <>
          <RawEvent event={letter.event} />
          <div className={styles.letterActions}>
            <Button size="small" variant="outlined" color="error" disabled={busy} onClick={() => setAsking(true)}>
              {words.operations.drop}
            </Button>
          </div>
        </>
      )}
      {failure && <ProblemNote title={words.operations.actionFailed} failure={failure} />}
      {asking && (
        <DropQuestion
          type={type}
          onClose={() => setAsking(false)}
          onDrop={() => {
            setAsking(false);
            run(() => dropDeadLetter(letter.letter_id));
          }}
        />
      )}
    </li>
  );
}

function useAction(onDone: () => void) {
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<Failure | null>(null);
  const run = (action: () => Promise<void>) => {
    setBusy(true);
    setFailure(null);
    action()
      .then(onDone)
      .catch((error: unknown) => setFailure(error instanceof ApiError ? error : { problem: null }))
      .finally(() => setBusy(false));
  };
  return { busy, failure, run };
}

interface DropQuestionProps {
  readonly type: string;
  readonly onClose: () => void;
  readonly onDrop: () => void;
}

function DropQuestion({ type, onClose, onDrop }: DropQuestionProps) {
  const { words } = useReading();
  return (
    <Dialog open onClose={onClose} aria-labelledby="drop-title" maxWidth="xs">
      <DialogTitle id="drop-title">{words.operations.dropQuestion}</DialogTitle>
      <DialogContent>
        <p className={styles.question}>{words.operations.dropHelp(type)}</p>
      </DialogContent>
      <DialogActions>
        <Button variant="outlined" color="inherit" onClick={onClose}>
          {words.operations.keep}
        </Button>
        <Button variant="contained" color="error" onClick={onDrop}>
          {words.operations.dropConfirm}
        </Button>
      </DialogActions>
    </Dialog>
  );
}
