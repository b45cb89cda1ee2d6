/** What an empty list says, and the button that changes it. */
import Button from "@mui/material/Button";

import type { ListName } from "../features/trips";
import { EmptyState, useReading } from "../ui";

export interface ListEmptyProps {
  readonly list: ListName;
  readonly filtered: boolean;
  readonly onStart: () => void;
  readonly onClear: () => void;
}

export function ListEmpty({ list, filtered, onStart, onClear }: ListEmptyProps) {
  const { words } = useReading();
  if (filtered) {
    return (
      <EmptyState title={words.list.noMatch} text={words.list.noMatchHelp}>
        <Button variant="outlined" color="inherit" size="small" onClick={onClear}>
          {words.list.clearFilters}
        </Button>
      </EmptyState>
    );
  }
  if (list === "planned") return <EmptyState title={words.list.emptyPlanned} text={words.list.emptyPlannedHelp} />;
  if (list === "finished") return <EmptyState title={words.list.emptyFinished} text={words.list.emptyFinishedHelp} />;
  return (
    <EmptyState title={words.list.emptyUnderway} text={words.list.emptyUnderwayHelp}>
      <Button variant="contained" size="small" onClick={onStart}>
        {words.start.button}
      </Button>
    </EmptyState>
  );
}
