/** Mark, number and word in the top bar; pressed, it filters list and map to what it counts. */
import type { ReactNode } from "react";

import styles from "./Counter.module.css";

export interface CounterProps {
  readonly value: number;
  readonly text: string;
  readonly label: string;
  readonly tone: "late" | "off" | "plain" | "calm";
  readonly glyph?: ReactNode;
  readonly pressed: boolean;
  readonly onToggle: () => void;
}

export function Counter({ value, text, label, tone, glyph, pressed, onToggle }: CounterProps) {
  return (
    <button
      type="button"
      className={styles.counter}
      data-tone={tone}
      data-zero={value === 0 || undefined}
      aria-pressed={pressed}
      aria-label={`${text} ${label}`}
      onClick={onToggle}
    >
      {glyph && <span className={styles.glyph}>{glyph}</span>}
      <b>{text}</b>
      <span>{label}</span>
    </button>
  );
}
