/** A chart's title with its one sentence, and the button that turns it into a table. */
import Button from "@mui/material/Button";

import { useReading } from "../../ui";
import styles from "./Operations.module.css";

export interface ChartHeadProps {
  readonly id: string;
  readonly title: string;
  readonly help: string;
  readonly table: boolean;
  /** Without it there is no choice. */
  readonly onTable?: (() => void) | undefined;
}

export function ChartHead({ id, title, help, table, onTable }: ChartHeadProps) {
  const { words } = useReading();
  return (
    <header className={styles.head}>
      <h2 id={id}>{title}</h2>
      <span>{help}</span>
      <span className={styles.space} />
      {onTable && (
        <Button size="small" onClick={onTable} className={styles.quiet ?? ""}>
          {table ? words.operations.chart : words.operations.table}
        </Button>
      )}
    </header>
  );
}
