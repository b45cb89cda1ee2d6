/** The operations page in the shell; loaded when it is first asked for. */
import { OperationsPanel } from "../features/operations";
import { useReading } from "../ui";
import { Shell } from "./Shell";
import { Clock, ConnectionDot } from "./TopBar";
import styles from "./OperationsPage.module.css";

export default function OperationsPage() {
  const { words } = useReading();
  return (
    <Shell
      page="operations"
      bar={
        <>
          <h1 className={styles.title}>{words.operations.title}</h1>
          <span className={styles.space} />
          <ConnectionDot />
          <Clock />
        </>
      }
    >
      <OperationsPanel />
    </Shell>
  );
}
