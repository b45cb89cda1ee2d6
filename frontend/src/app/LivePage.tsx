/** The live page: list, map and panel around one address. */
import { PanelLeft } from "lucide-react";
import { useRef, useState } from "react";

import { liveStore, useLive } from "../api";
import type { MapPadding } from "../features/live-map";
import { HistorySearch } from "../features/search";
import {
  countFleet,
  findRow,
  StartPanel,
  TripList,
  TripPanel,
  type FleetCounts,
  type TripListHandle,
} from "../features/trips";
import { Announcer, useNow, useReading } from "../ui";
import type { LiveAddress } from "./address";
import { FleetMap } from "./FleetMap";
import { ListEmpty } from "./ListEmpty";
import styles from "./LivePage.module.css";
import { PhonePage } from "./PhonePage";
import { Shell } from "./Shell";
import { TopBar } from "./TopBar";
import { useLayout, type Layout } from "./useLayout";
import { useLiveKeys } from "./useLiveKeys";
import { usePage } from "./usePage";
import { useQuiet } from "./useQuiet";

const PANEL_PX = 392;
const TABLET_PX = 360;
const GAP_PX = 12;

/** Whether an open panel takes the list's room. */
const panelFolds = (layout: Layout): boolean => layout === "tablet" || layout === "narrow";

/** What the panel shows; starting a trip goes before the chosen one. */
const panelOf = ({ start, selection }: LiveAddress): "start" | "trip" | null => {
  if (start) return "start";
  return selection ? "trip" : null;
};

/** Whether the list is shown: as the reader wants, but not where an open panel takes its room. */
function useListFold(covered: boolean) {
  const [open, setOpen] = useState(true);
  const shown = open && !covered;
  const toggle = () => {
    setOpen(!shown);
    return covered ? "close the panel" : null;
  };
  return { shown, toggle };
}

export function LivePage() {
  const [address, page] = usePage();
  const { selection, only, list, query, follow, tab } = address;
  const layout = useLayout();
  useLive(); // The fleet is read from the store, which changes in place.
  useNow(liveStore.now); // Silence and the day's counts change without a frame.
  const counts = countFleet(liveStore);
  const [hovered, setHovered] = useState<string | null>(null);
  const [previewRoute, setPreviewRoute] = useState<string | null>(null);
  const [initialCamera] = useState(address.at);
  const listRef = useRef<TripListHandle>(null);
  const chosen = selection && findRow(liveStore, selection);
  const offline = useQuiet();
  const panelKind = panelOf(address);
  const fold = useListFold(panelFolds(layout) && panelKind !== null);

  const closePanel = () => {
    page.closePanel();
    listRef.current?.focus();
  };
  const toggleList = () => {
    setHovered(null);
    if (fold.toggle() === "close the panel") page.select(null);
  };

  const keys = useLiveKeys(address, page, listRef, toggleList, closePanel);

  const counters = { counts, only, list, onOnly: page.setOnly, onList: page.setList };
  const listView = (
    <TripList
      ref={listRef}
      list={list}
      query={query}
      only={only}
      selected={selection}
      hoveredVehicle={hovered}
      counts={counts}
      offline={offline}
      touch={layout === "phone"}
      searchable={layout !== "phone"}
      empty={
        <ListEmpty
          list={list}
          filtered={query !== "" || only !== null}
          onStart={page.openStart}
          onClear={page.clearFilters}
        />
      }
      more={
        <HistorySearch
          query={query}
          camera={address.at}
          onTrip={(id) => page.select({ kind: "trip", id })}
          onVehicle={page.selectVehicle}
        />
      }
      onList={page.setList}
      onQuery={page.setQuery}
      onSelect={page.select}
      onHover={setHovered}
    />
  );
  const startView = panelKind === "start" && (
    <StartPanel onPreview={setPreviewRoute} onStarted={({ trip_id }) => page.started(trip_id)} onClose={closePanel} />
  );
  const tripView = selection && (
    <TripPanel
      key={selection.id}
      selection={selection}
      tab={tab}
      following={follow}
      offline={offline}
      onTab={page.setTab}
      onFollow={page.follow}
      onClose={closePanel}
    />
  );
  const panel = startView || tripView;
  const map = (padding: MapPadding) => (
    <FleetMap
      chosen={chosen}
      previewRoute={previewRoute}
      hoveredVehicle={hovered}
      only={only}
      follow={follow}
      offline={offline}
      padding={padding}
      initialCamera={initialCamera}
      controls={layout !== "phone"}
      onSelect={page.selectVehicle}
      onHover={setHovered}
      onFollowEnd={() => page.follow(false)}
      onCamera={page.setCamera}
    />
  );

  return (
    <Shell page="live" bar={layout === "phone" ? null : <TopBar {...counters} onStart={page.openStart} />} keys={keys}>
      {layout === "phone" ? (
        <PhonePage
          counters={counters}
          query={query}
          onQuery={page.setQuery}
          list={listView}
          panel={panel}
          panelKind={panelKind}
          map={map}
          onStart={page.openStart}
        />
      ) : (
        <WidePage
          layout={layout}
          list={fold.shown ? listView : null}
          panel={panel}
          panelName={chosen?.name ?? null}
          map={map}
          onShowList={toggleList}
        />
      )}
      <Announcement counts={counts} />
    </Shell>
  );
}

interface WidePageProps {
  readonly layout: Layout;
  readonly list: React.ReactNode;
  readonly panel: React.ReactNode;
  readonly panelName: string | null;
  readonly map: (padding: MapPadding) => React.ReactNode;
  readonly onShowList: () => void;
}

function WidePage({ layout, list, panel, panelName, map, onShowList }: WidePageProps) {
  const { words } = useReading();
  const tablet = layout === "tablet";
  const padding = {
    top: 0,
    right: panel ? (tablet ? TABLET_PX : PANEL_PX) + GAP_PX : 0,
    bottom: 0,
    left: tablet && list ? TABLET_PX : 0,
  };
  return (
    <div className={styles.live} data-layout={layout}>
      {list && (
        <div className={styles.list} id="list" tabIndex={-1} data-region>
          {list}
        </div>
      )}
      <main className={styles.map} id="map" tabIndex={-1} data-region>
        {map(padding)}
        {!list && (
          <button type="button" className={styles.listToggle} title={`${words.list.show} (L)`} onClick={onShowList}>
            <PanelLeft size={18} strokeWidth={1.75} aria-hidden="true" />
            {words.list.title}
          </button>
        )}
        {panel && (
          <aside
            className={styles.panel}
            id="panel"
            tabIndex={-1}
            data-region
            aria-label={panelName ?? words.start.title}
          >
            {panel}
          </aside>
        )}
      </main>
    </div>
  );
}

function Announcement({ counts }: { readonly counts: FleetCounts }) {
  const { words } = useReading();
  const { connection, ready } = useLive();
  const attention = words.announce.attention(counts.late + counts.off + counts.silent);
  const sentence = connection.state === "offline" ? words.announce.offline : ready ? attention : "";
  return <Announcer sentence={sentence} />;
}
