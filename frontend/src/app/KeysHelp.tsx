/** All keys of the page, by `?`. */
import Dialog from "@mui/material/Dialog";
import DialogContent from "@mui/material/DialogContent";
import DialogTitle from "@mui/material/DialogTitle";
import IconButton from "@mui/material/IconButton";
import { X } from "lucide-react";
import { Fragment } from "react";

import { useReading } from "../ui";
import { useSettings } from "./settings";
import styles from "./dialogs.module.css";

export interface KeysHelpProps {
  readonly open: boolean;
  readonly onClose: () => void;
}

export function KeysHelp({ open, onClose }: KeysHelpProps) {
  const { words } = useReading();
  const { singleKeys } = useSettings();
  const { keys } = words;
  // Alternatives are rows of the inner lists; the keys of one list are pressed one after the other.
  const table: readonly (readonly [string, readonly (readonly string[])[]])[] = [
    [keys.search, [["/"]]],
    [keys.rows, [["↑"], ["↓"], ["K"], ["J"]]],
    [keys.open, [["Enter"]]],
    [keys.back, [["Esc"]]],
    [keys.next, [["N"]]],
    [keys.follow, [["F"]]],
    [keys.create, [["C"]]],
    [keys.list, [["L"]]],
    [keys.counters, [["1"], ["2"], ["3"], ["4"]]],
    [keys.goMap, [["G", "M"]]],
    [keys.goOperations, [["G", "O"]]],
    [keys.regions, [["F6"]]],
    [keys.help, [["?"]]],
  ];
  return (
    <Dialog open={open} onClose={onClose} aria-labelledby="keys-title" maxWidth="xs" fullWidth>
      <DialogTitle id="keys-title" className={styles.titleRow ?? ""}>
        {keys.title}
        <IconButton aria-label={words.app.close} onClick={onClose}>
          <X size={20} strokeWidth={1.75} />
        </IconButton>
      </DialogTitle>
      <DialogContent>
        {!singleKeys && <p className={styles.note}>{keys.off}</p>}
        <dl className={styles.keys}>
          {table.map(([meaning, alternatives]) => (
            <Fragment key={meaning}>
              <dt>{meaning}</dt>
              <dd>
                {alternatives.map((sequence) => (
                  <span key={sequence.join()}>
                    {sequence.map((key, index) => (
                      <Fragment key={key}>
                        {index > 0 && ` ${keys.then} `}
                        <kbd>{key}</kbd>
                      </Fragment>
                    ))}
                  </span>
                ))}
              </dd>
            </Fragment>
          ))}
        </dl>
      </DialogContent>
    </Dialog>
  );
}
