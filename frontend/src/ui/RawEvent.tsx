/** An event as it travels: JSON in the mono face, with a button that copies it. */
import "@fontsource-variable/atkinson-hyperlegible-mono";
import Button from "@mui/material/Button";
import { Check, Copy } from "lucide-react";
import { useEffect, useState } from "react";

import { useReading } from "./i18n";
import styles from "./RawEvent.module.css";

const SHOWN_MS = 2000;

export function RawEvent({ event }: { readonly event: unknown }) {
  const { words } = useReading();
  const text = JSON.stringify(event, null, 2);
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return undefined;
    const timer = setTimeout(() => setCopied(false), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [copied]);

  const copy = async () => {
    await navigator.clipboard.writeText(text);
    setCopied(true);
  };

  return (
    <div className={styles.raw}>
      {/* A scrollable region has to be reachable by keyboard. */}
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <pre tabIndex={0} aria-label={words.trip.rawEvent}>
        {text}
      </pre>
      <Button
        className={styles.copy ?? ""}
        size="small"
        variant="outlined"
        color="inherit"
        startIcon={copied ? <Check size={14} /> : <Copy size={14} />}
        onClick={() => void copy()}
      >
        <span aria-live="polite">{copied ? words.app.copied : words.app.copy}</span>
      </Button>
    </div>
  );
}
