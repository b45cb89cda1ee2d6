/** The frame around every page: rail or tabs, top bar, offline strip, skip links, keys that hold everywhere. */
import { Activity, Map as MapIcon, Settings as Gear } from "lucide-react";
import { useState, type ReactNode } from "react";
import { Link } from "wouter";
import { navigate } from "wouter/use-browser-location";

import { Logo, useReading } from "../ui";
import { ConnectionStrip } from "./ConnectionStrip";
import { useKeys, useRegionKey, type Keys } from "./keys";
import { KeysHelp } from "./KeysHelp";
import { useSettings } from "./settings";
import { SettingsMenu } from "./SettingsMenu";
import styles from "./Shell.module.css";
import { useLayout } from "./useLayout";

export interface ShellProps {
  readonly page: "live" | "operations" | null;
  /** The top bar's content; null for none, as on the phone's map. */
  readonly bar: ReactNode;
  /** Whether a panel is there to be skipped to. */
  readonly panel?: boolean;
  readonly keys?: Keys;
  readonly children: ReactNode;
}

const ICON = { size: 22, strokeWidth: 1.75, "aria-hidden": true } as const;

export function Shell({ page, bar, panel = false, keys = {}, children }: ShellProps) {
  const { words } = useReading();
  const { singleKeys } = useSettings();
  const [helping, setHelping] = useState(false);
  const [menu, setMenu] = useState<HTMLElement | null>(null);
  const phone = useLayout() === "phone";
  useRegionKey();
  useKeys(
    {
      "?": () => setHelping(true),
      "g m": () => navigate("/live"),
      "g o": () => navigate("/operations"),
      ...keys,
    },
    singleKeys,
  );

  return (
    <div className={styles.app} data-bar={bar !== null || undefined}>
      <div className={styles.skips}>
        {page === "live" && (
          <>
            <a href="#list">{words.app.skipToList}</a>
            <a href="#map">{words.app.skipToMap}</a>
            {panel && <a href="#panel">{words.app.skipToPanel}</a>}
          </>
        )}
      </div>
      <nav className={styles.rail} aria-label={words.app.navigation}>
        <Link href="/live" className={styles.logo ?? ""} aria-label="Trackway" tabIndex={-1}>
          <Logo />
        </Link>
        <Link href="/live" aria-current={page === "live" ? "page" : undefined} title={`${words.app.live} (G M)`}>
          <MapIcon {...ICON} />
          <span>{words.app.live}</span>
        </Link>
        <Link
          href="/operations"
          aria-current={page === "operations" ? "page" : undefined}
          title={`${words.app.operations} (G O)`}
        >
          <Activity {...ICON} />
          <span>{words.app.operationsShort}</span>
        </Link>
        <span className={styles.space} />
        <button
          type="button"
          aria-haspopup="dialog"
          aria-expanded={menu !== null}
          aria-label={words.settings.title}
          onClick={(event) => setMenu(event.currentTarget)}
        >
          <Gear {...ICON} />
          {phone && <span>{words.settings.title}</span>}
        </button>
      </nav>
      {bar !== null && <header className={styles.bar}>{bar}</header>}
      <div className={styles.content}>
        <ConnectionStrip />
        <div className={styles.page}>{children}</div>
      </div>
      <SettingsMenu anchor={menu} onClose={() => setMenu(null)} onHelp={() => setHelping(true)} />
      <KeysHelp open={helping} onClose={() => setHelping(false)} />
    </div>
  );
}
