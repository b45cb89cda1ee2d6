/** A failure that only a new start of the page mends. */
import Button from "@mui/material/Button";

import { EmptyState, useReading } from "../ui";

export function ProblemText({ title, text }: { readonly title: string; readonly text: string }) {
  const { words } = useReading();
  return (
    <div role="alert">
      <EmptyState title={title} text={text}>
        <Button variant="outlined" color="inherit" onClick={() => location.reload()}>
          {words.map.reload}
        </Button>
      </EmptyState>
    </div>
  );
}
