/** The live page: list, map and panel around one address. */
import { PanelLeft } from "lucide-react";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";

import { liveStore, useLive } from "../api";
import type { MapCamera } from "../features/live-map";
import {
  countFleet,
  findRow,
  nextAttention,
  StartPanel,
  TripList,
  TripPanel,
  type FleetCounts,
  type ListName,
  type Selection,
  type TripListHandle,
} from "../features/trips";
import { Announcer, useNow, useReading } from "../ui";
import type { Keys } from "./keys";
import { FleetMap } from "./FleetMap";
import { ListEmpty } from "./ListEmpty";
import styles from "./LivePage.module.css";
import { PhonePage } from "./PhonePage";
import { Shell } from "./Shell";
import { toggled, TopBar } from "./TopBar";
import { useAddress } from "./useAddress";
import { useLayout, type Layout } from "./useLayout";

const PANEL_PX = 392;
const TABLET_PX = 360;
const GAP_PX = 12;

const none = { top: 0, right: 0, bottom: 0, left: 0 };

function useFleetCounts(): FleetCounts {
  const { version } = useLive();
  const second = useNow(liveStore.now);
  // eslint-disable-next-line react-hooks/exhaustive-deps -- the store changes in place; these say when to look again
  return useMemo(() => countFleet(liveStore), [version, Math.floor(second / 1000)]);
}

export function LivePage() {
  const { words } = useReading();
  const [address, go] = useAddress();
  const { selection, only, list, query, follow, start, tab } = address;
  const layout = useLayout();
  const counts = useFleetCounts();
  const live = useLive();
  const [hovered, setHovered] = useState<string | null>(null);
  const [previewRoute, setPreviewRoute] = useState<string | null>(null);
  const [listOpen, setListOpen] = useState(true);
  const [initialCamera] = useState(address.at);
  const listRef = useRef<TripListHandle>(null);
  const chosen = selection && live.version >= 0 ? findRow(liveStore, selection) : null;

  const select = useCallback(
    (next: Selection | null) => go({ selection: next, start: false, follow: false }, "push"),
    [go],
  );
  const selectVehicle = useCallback(
    (vehicle_id: string | null) => {
      if (vehicle_id === null) return select(null);
      const trip = liveStore.tripOf(vehicle_id);
      select(trip ? { kind: "trip", id: trip.trip_id } : { kind: "vehicle", id: vehicle_id });
    },
    [select],
  );
  const setFollow = useCallback((on: boolean) => go({ follow: on }, "replace"), [go]);
  const endFollow = useCallback(() => setFollow(false), [setFollow]);
  const openStart = () => go({ start: true }, "push");
  const closePanel = useCallback(() => {
    go(start ? { start: false } : { selection: null, follow: false }, "push");
    listRef.current?.focus();
  }, [go, start]);
  const setList = (next: ListName) => go({ list: next }, "push");
  const setOnly = (next: typeof only) => go({ only: next, list: "underway" }, "push");
  const clear = () => go({ query: "", only: null }, "push");
  const onCamera = useCallback((camera: MapCamera) => go({ at: camera }, "replace"), [go]);
  const showList = () => {
    if (panelFolds(layout) && (selection || start)) go({ selection: null, start: false, follow: false }, "push");
    setListOpen(true);
  };

  const panelOpen = selection !== null || start;
  const listShown = listOpen && !(panelOpen && panelFolds(layout));
  useEffect(() => setHovered(null), [listShown]);

  const keys: Keys = {
    "/": () => listRef.current?.focusSearch(),
    j: () => listRef.current?.move(1),
    k: () => listRef.current?.move(-1),
    n: () => {
      const next = nextAttention(liveStore, selection);
      if (next) select(next);
    },
    f: () => chosen && setFollow(!follow),
    c: openStart,
    l: () => (listShown ? setListOpen(false) : showList()),
    "1": () => setOnly(toggled(only, "late")),
    "2": () => setOnly(toggled(only, "off")),
    "3": () => setOnly(toggled(only, "silent")),
    "4": () => setOnly(toggled(only, "fine")),
    Escape: () => {
      if (start) closePanel();
      else if (follow) setFollow(false);
      else if (selection) closePanel();
      else if (query !== "" || only !== null) clear();
    },
  };

  const offline = live.connection.state === "offline";
  const counters = { counts, only, list, onOnly: setOnly, onList: setList };
  const filtered = query !== "" || only !== null;
  const listView = (searchable: boolean) => (
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
      searchable={searchable}
      empty={<ListEmpty list={list} filtered={filtered} onStart={openStart} onClear={clear} />}
      onList={setList}
      onQuery={(text) => go({ query: text }, "replace")}
      onSelect={select}
      onHover={setHovered}
    />
  );
  const panelView = start ? (
    <StartPanel
      onPreview={setPreviewRoute}
      onStarted={(trip) =>
        go({ selection: { kind: "trip", id: trip.trip_id }, start: false, list: "underway", query: "", only: null }, "push")
      }
      onClose={closePanel}
    />
  ) : selection ? (
    <TripPanel
      key={selection.id}
      selection={selection}
      tab={tab}
      following={follow}
      offline={offline}
      onTab={(next) => go({ tab: next }, "push")}
      onFollow={setFollow}
      onClose={closePanel}
    />
  ) : null;
  const mapView = (padding: typeof none) => (
    <FleetMap
      chosen={chosen}
      previewRoute={previewRoute}
      hoveredVehicle={hovered}
      only={only}
      follow={follow}
      padding={padding}
      initialCamera={initialCamera}
      controls={layout !== "phone"}
      onSelect={selectVehicle}
      onHover={setHovered}
      onFollowEnd={endFollow}
      onCamera={onCamera}
    />
  );
  const announcement = offline
    ? words.announce.offline
    : live.ready
      ? words.announce.attention(counts.late + counts.off + counts.silent)
      : "";

  if (layout === "phone") {
    return (
      <Shell page="live" bar={null} keys={keys}>
        <PhonePage
          counters={counters}
          query={query}
          onQuery={(text) => go({ query: text }, "replace")}
          list={listView(false)}
          panel={panelView}
          map={mapView}
          onStart={openStart}
        />
        <Announcer sentence={announcement} />
      </Shell>
    );
  }
  return (
    <Shell page="live" bar={<TopBar {...counters} onStart={openStart} />} keys={keys}>
      <div className={styles.live} data-layout={layout}>
        {listShown && (
          <div className={styles.list} id="list" tabIndex={-1} data-region>
            {listView(true)}
          </div>
        )}
        <main className={styles.map} id="map" tabIndex={-1} data-region>
          {mapView(paddingOf(layout, listShown, panelOpen))}
          {!listShown && (
            <button type="button" className={styles.listToggle} title={`${words.list.show} (L)`} onClick={showList}>
              <PanelLeft size={18} strokeWidth={1.75} aria-hidden="true" />
              {words.list.title}
            </button>
          )}
          {panelView && (
            <aside className={styles.panel} id="panel" tabIndex={-1} data-region aria-label={chosen?.name ?? words.start.title}>
              {panelView}
            </aside>
          )}
        </main>
      </div>
      <Announcer sentence={announcement} />
    </Shell>
  );
}

/** Whether an open panel takes the list's room. */
const panelFolds = (layout: Layout): boolean => layout === "tablet" || layout === "narrow";

function paddingOf(layout: Layout, listShown: boolean, panelOpen: boolean) {
  const width = layout === "tablet" ? TABLET_PX : PANEL_PX;
  return {
    ...none,
    left: layout === "tablet" && listShown ? TABLET_PX : 0,
    right: panelOpen ? width + GAP_PX : 0,
  };
}
