/** An address that names nothing. */
import Button from "@mui/material/Button";
import { Link } from "wouter";

import { EmptyState, useReading } from "../ui";
import { Shell } from "./Shell";

export function NotFound() {
  const { words } = useReading();
  return (
    <Shell page={null} bar={null}>
      <main>
        <EmptyState title={words.app.notFound} text={words.app.notFoundHelp}>
          <Button component={Link} href="/live" variant="contained">
            {words.app.back}
          </Button>
        </EmptyState>
      </main>
    </Shell>
  );
}
