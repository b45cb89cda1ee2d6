/** The live connection: keeps a socket to the gateway, comes back when it is lost, and tells who listens what changed. */
import { waitBeforeReturn } from "./closeCodes";
import type { Counts, LiveTrip, LiveVehicle, Resume, Watch } from "./types";
import { JSON_TEXT, MSGPACK, readFrame, writeAges, writeWatch, type Frame } from "./liveCodec";
import { LiveState, type Box, type FrameChange } from "./liveState";
import type { FrameAges } from "./frameAges";

export interface Connection {
  readonly state: "connecting" | "live" | "offline";
  /** When this state began, in this browser's clock (ms). */
  readonly since_ms: number;
  /** When the next try is due (browser's clock, ms); null while trying, live, or refused for good. */
  readonly retry_at_ms: number | null;
  readonly refused: boolean;
}

export interface LiveView {
  readonly version: number;
  readonly connection: Connection;
  readonly counts: Counts | null;
  /** A first picture has come. */
  readonly ready: boolean;
  /** After a lost connection: how many positions the first frame brought, when, and how long it was away. */
  readonly returned: { readonly positions: number; readonly at_ms: number; readonly away_ms: number } | null;
}

export interface WatchedView {
  readonly box: Box | null;
  readonly zoom: number | null;
  readonly vehicles: readonly string[];
  readonly trip: string | null;
}

export interface LiveStore {
  readonly vehicles: ReadonlyMap<string, LiveVehicle>;
  readonly trips: ReadonlyMap<string, LiveTrip>;
  readonly ages: FrameAges;
  /** The gateway's clock (ms), which stands still while there is no connection: nothing grows late or silent unseen. */
  readonly now: () => number;
  /** The gateway's clock (ms), which always goes on. */
  readonly clock: () => number;
  readonly heardMs: (vehicle_id: string) => number | null;
  readonly tripOf: (vehicle_id: string) => LiveTrip | undefined;
  readonly onFrame: (listener: (change: FrameChange) => void) => () => void;
  readonly subscribe: (listener: () => void) => () => void;
  readonly view: () => LiveView;
  readonly watch: (view: WatchedView) => void;
  /** Try at once instead of waiting. */
  readonly retryNow: () => void;
  /** Open the connection; it stays until the returned function is called. */
  readonly open: () => () => void;
}

/** What the store needs of the world; tests give their own. */
export interface World {
  readonly socket: () => WebSocket;
  readonly now: () => number;
  readonly random: () => number;
  readonly after: (ms: number, task: () => void) => () => void;
}

const NOTIFY_MS = 250;
/** How often the gateway is told how old positions are here. */
export const REPORT_MS = 10_000;
// Up to this many vehicles the whole fleet is watched wherever the map looks; above, only what the map shows.
const EVERYWHERE_UNTIL = 300;
const EVERYWHERE: WatchedView = { box: null, zoom: null, vehicles: [], trip: null };

export class LiveConnection implements LiveStore {
  private readonly state: LiveState;
  private readonly frameListeners = new Set<(change: FrameChange) => void>();
  private readonly listeners = new Set<() => void>();
  private picture: LiveView;
  private socket: WebSocket | null = null;
  private wanted: WatchedView = EVERYWHERE;
  private attempt = 0;
  private cancelRetry: (() => void) | null = null;
  private cancelNotify: (() => void) | null = null;
  private cancelReport: (() => void) | null = null;
  private lostSince: number | null = null;
  private returned: LiveView["returned"] = null;
  private connection: Connection;

  constructor(private readonly world: World) {
    this.state = new LiveState(world.random);
    this.connection = { state: "connecting", since_ms: world.now(), retry_at_ms: null, refused: false };
    this.picture = this.paint(0);
  }

  get vehicles(): ReadonlyMap<string, LiveVehicle> {
    return this.state.vehicles;
  }

  get trips(): ReadonlyMap<string, LiveTrip> {
    return this.state.trips;
  }

  get ages(): FrameAges {
    return this.state.ages;
  }

  now = (): number => this.state.serverTime(this.lostSince ?? this.world.now());
  clock = (): number => this.state.serverTime(this.world.now());
  heardMs = (vehicle_id: string): number | null => this.state.heardMs(vehicle_id);
  tripOf = (vehicle_id: string): LiveTrip | undefined => this.state.tripOf(vehicle_id);
  view = (): LiveView => this.picture;

  onFrame = (listener: (change: FrameChange) => void): (() => void) => {
    this.frameListeners.add(listener);
    return () => this.frameListeners.delete(listener);
  };

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  watch = (view: WatchedView): void => {
    this.wanted = view;
    if (this.connection.state === "live") this.sendWatch(this.narrowed(), null);
  };

  open = (): (() => void) => {
    this.connect();
    return () => {
      this.cancelRetry?.();
      this.cancelNotify?.();
      this.cancelReport?.();
      this.cancelRetry = this.cancelNotify = this.cancelReport = null;
      const socket = this.socket;
      this.socket = null;
      socket?.close();
    };
  };

  retryNow = (): void => {
    if (this.connection.state !== "offline" || this.socket) return;
    this.connect();
  };

  private connect(): void {
    this.cancelRetry?.();
    this.cancelRetry = null;
    const socket = this.world.socket();
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    if (this.connection.state === "offline") this.become({ ...this.connection, retry_at_ms: null });
    // The first watch is for everywhere: the list's states need every vehicle once; then only what the map shows.
    socket.onopen = () => this.sendWatch({ ...this.wanted, box: null }, this.state.cursor);
    socket.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) => {
      if (socket === this.socket) this.receive(data);
    };
    socket.onclose = ({ code }) => {
      if (socket === this.socket) this.lost(code);
    };
  }

  private receive(message: string | ArrayBuffer): void {
    const frame = this.read(message);
    if (frame === null) return;
    if (frame.kind === "notice") {
      console.warn(`Trackway: ${frame.code}: ${frame.message}`);
      return;
    }
    const change = this.state.apply(frame, this.world.now());
    if (change === null) {
      // An update of another life of the gateway.
      this.startAnew();
      return;
    }
    if (this.connection.state !== "live") this.arrived(change);
    for (const listener of this.frameListeners) listener(change);
    this.notifySoon();
  }

  private read(message: string | ArrayBuffer): Frame | null {
    try {
      return readFrame(message);
    } catch (error) {
      console.error("Trackway: a frame could not be read", error);
      this.startAnew();
      return null;
    }
  }

  /** What is held cannot be trusted: only a new picture helps. */
  private startAnew(): void {
    this.state.cursor = null;
    this.socket?.close();
  }

  private arrived(change: FrameChange): void {
    const now = this.world.now();
    const away_ms = now - (this.lostSince ?? now);
    if (this.lostSince !== null) this.returned = { positions: change.vehicles.length, at_ms: now, away_ms };
    this.lostSince = null;
    this.attempt = 0;
    this.become({ state: "live", since_ms: now, retry_at_ms: null, refused: false });
    const narrowed = this.narrowed();
    if (narrowed.box !== null) this.sendWatch(narrowed, null);
    this.reportLater();
  }

  private reportLater(): void {
    this.cancelReport?.();
    this.cancelReport = this.world.after(REPORT_MS, () => this.report());
  }

  /** A sample only, and nothing that says whose positions they are. */
  private report(): void {
    const ages_ms = this.state.sample.take();
    const socket = this.socket;
    if (socket && socket.readyState === socket.OPEN && ages_ms.length > 0) {
      socket.send(writeAges({ kind: "ages", ages_ms }, socket.protocol));
    }
    this.reportLater();
  }

  private lost(code: number): void {
    this.socket = null;
    this.cancelReport?.();
    this.cancelReport = null;
    const now = this.world.now();
    const wasLive = this.connection.state === "live";
    if (wasLive) this.lostSince = now;
    const wait = waitBeforeReturn(code, this.attempt, this.world.random);
    this.attempt += 1;
    const since_ms = this.lostSince ?? this.connection.since_ms;
    if (wait === "never") {
      this.become({ state: "offline", since_ms, retry_at_ms: null, refused: true });
      return;
    }
    this.become({ state: "offline", since_ms, retry_at_ms: now + wait, refused: false });
    this.cancelRetry = this.world.after(wait, () => this.connect());
  }

  private narrowed(): WatchedView {
    return this.state.fleetSize > EVERYWHERE_UNTIL ? this.wanted : { ...this.wanted, box: null };
  }

  private sendWatch(view: WatchedView, resume: Resume | null): void {
    const socket = this.socket;
    if (!socket || socket.readyState !== socket.OPEN) return;
    const trip = view.trip === null ? undefined : this.state.trips.get(view.trip);
    const named = new Set(trip ? [...view.vehicles, trip.vehicle_id] : view.vehicles);
    if (this.state.watch(view.box, named)) this.notifySoon();
    this.state.expectAnswer();
    const box: Watch["box"] = view.box && [...view.box];
    const watch: Watch = { kind: "watch", box, zoom: view.zoom, vehicles: [...view.vehicles], trip: view.trip, resume };
    socket.send(writeWatch(watch, socket.protocol));
  }

  private become(connection: Connection): void {
    this.connection = connection;
    this.notify();
  }

  private notifySoon(): void {
    this.cancelNotify ??= this.world.after(NOTIFY_MS, () => this.notify());
  }

  private notify(): void {
    this.cancelNotify?.();
    this.cancelNotify = null;
    this.picture = this.paint(this.picture.version + 1);
    for (const listener of this.listeners) listener();
  }

  private paint(version: number): LiveView {
    const { counts, cursor } = this.state;
    return { version, connection: this.connection, counts, ready: cursor !== null, returned: this.returned };
  }
}

/** The world of a browser: its sockets, clock and timers. */
export function browserWorld(): World {
  return {
    socket: () => {
      const url = new URL("/v1/live", location.href);
      url.protocol = url.protocol.replace("http", "ws");
      return new WebSocket(url, [MSGPACK, JSON_TEXT]);
    },
    now: () => performance.timeOrigin + performance.now(),
    random: Math.random,
    after: (ms, task) => {
      const timer = setTimeout(task, ms);
      return () => clearTimeout(timer);
    },
  };
}
