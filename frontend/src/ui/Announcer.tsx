/** The polite live region: one sentence, at most each ten seconds, and only when it changed. */
import { useEffect, useRef, useState } from "react";

const QUIET_MS = 10_000;

export function Announcer({ sentence }: { readonly sentence: string }) {
  const [said, setSaid] = useState("");
  const saidAt = useRef(0);
  useEffect(() => {
    if (sentence === said) return undefined;
    const wait = Math.max(0, saidAt.current + QUIET_MS - Date.now());
    const timer = setTimeout(() => {
      saidAt.current = Date.now();
      setSaid(sentence);
    }, wait);
    return () => clearTimeout(timer);
  }, [sentence, said]);
  return (
    <div className="visually-hidden" role="status" aria-live="polite">
      {said}
    </div>
  );
}
