/** What went wrong, where, and the remedy, inside the panel that it concerns. */
import Button from "@mui/material/Button";

import { useReading, type Words } from "./i18n";
import styles from "./notes.module.css";

/** What is known of a failure: the server's problem document, or null when it did not answer. */
export interface Failure {
  readonly problem: { readonly status: number; readonly detail: string; readonly field?: string | null } | null;
}

export interface ProblemNoteProps {
  readonly title: string;
  readonly failure: Failure;
  readonly onRetry?: () => void;
}

export function ProblemNote({ title, failure, onRetry }: ProblemNoteProps) {
  const { words } = useReading();
  const { problem } = failure;
  const text = sentence(problem, words);
  return (
    <div className={styles.note} role="alert">
      <p className={styles.title}>{title}</p>
      <p className={styles.text}>{text}</p>
      {problem?.field && !text.includes(problem.field) && (
        <p className={styles.text}>{words.problem.field(problem.field)}</p>
      )}
      {onRetry && (
        <div className={styles.actions}>
          <Button variant="outlined" color="inherit" size="small" onClick={onRetry}>
            {words.app.retry}
          </Button>
        </div>
      )}
    </div>
  );
}

function sentence(problem: Failure["problem"], words: Words): string {
  if (problem === null) return words.problem.network;
  // A good status whose body was not what was asked for.
  if (problem.status < 400) return words.problem.unreadable;
  return problem.detail === "" ? words.problem.unexpected(problem.status) : problem.detail;
}
