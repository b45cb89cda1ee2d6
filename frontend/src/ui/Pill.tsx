/** A state in one or two words on its own soft tint. */
import { Check } from "lucide-react";
import type { ReactNode } from "react";

import styles from "./Pill.module.css";

export type PillTone = "late" | "off" | "done" | "quiet" | "accent";

export function Pill({ tone, children }: { readonly tone: PillTone; readonly children: ReactNode }) {
  return (
    <span className={styles.pill} data-tone={tone}>
      {tone === "done" && <Check size={14} strokeWidth={2.25} aria-hidden="true" />}
      {children}
    </span>
  );
}
