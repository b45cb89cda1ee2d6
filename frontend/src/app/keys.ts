/** The page's keys: which press means what, and when a press is not for us. */
import { useEffect, useRef } from "react";

export type Keys = Readonly<Record<string, () => void>>;

const SEQUENCE_MS = 1200;

/** Whether a press belongs to a field, a dialog or the browser rather than to the page. */
function elsewhere(event: KeyboardEvent): boolean {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return true;
  const target = event.target instanceof Element ? event.target : null;
  if (target?.closest('[role="dialog"], [role="menu"], [role="listbox"]')) return true;
  return target instanceof HTMLElement && (target.isContentEditable || isTextField(target));
}

function isTextField(target: HTMLElement): boolean {
  if (target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement) return true;
  return target instanceof HTMLInputElement && !["radio", "checkbox", "button", "submit"].includes(target.type);
}

/**
 * Binds presses to actions: "f", "?", "Escape", or two in a row, "g m". Letters are told in lower case.
 * With `single` off, only Escape is heard (WCAG 2.1.4).
 */
export function useKeys(keys: Keys, single: boolean): void {
  const current = useRef(keys);
  useEffect(() => {
    current.current = keys;
  });
  useEffect(() => {
    let first: { key: string; at: number } | null = null;
    const onKeyDown = (event: KeyboardEvent) => {
      if (elsewhere(event)) return;
      const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
      if (!single && key !== "Escape") return;
      const before = first && event.timeStamp - first.at < SEQUENCE_MS ? `${first.key} ` : "";
      first = null;
      const action = current.current[`${before}${key}`] ?? current.current[key];
      if (action) {
        event.preventDefault();
        action();
      } else if (Object.keys(current.current).some((name) => name.startsWith(`${key} `))) {
        first = { key, at: event.timeStamp };
      }
    };
    window.addEventListener("keydown", onKeyDown);
    return () => window.removeEventListener("keydown", onKeyDown);
  }, [single]);
}

/** F6 walks over the page's regions, those marked `data-region`, in document order. */
export function useRegionKey(): void {
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.key !== "F6") return;
      const regions = [...document.querySelectorAll<HTMLElement>("[data-region]")];
      const at = regions.findIndex((region) => region.contains(document.activeElement));
      const next = regions[(at + (event.shiftKey ? regions.length - 1 : 1)) % Math.max(1, regions.length)];
      if (!next) return;
      event.preventDefault();
      next.focus();
    };
    window.addEventListener("keydown", onKeyDown);
    return () => window.removeEventListener("keydown", onKeyDown);
  }, []);
}
