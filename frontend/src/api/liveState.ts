/** What is known of the fleet, as frames tell it: no sockets, no timers; fed with frames and a clock. */
import { AgeSample } from "./ageSample";
import { FrameAges } from "./frameAges";
import type { Counts, LiveTrip, LiveVehicle, Reset, Resume, Update } from "./types";

export type Box = readonly [south: number, west: number, north: number, east: number];

export interface FrameChange {
  readonly kind: "reset" | "update";
  readonly vehicles: readonly LiveVehicle[];
  readonly trips: readonly LiveTrip[];
  /** Vehicles that left the live view. */
  readonly gone: readonly string[];
  readonly received_ms: number;
}

const SKEW_MEMORY = 60;

export class LiveState {
  readonly vehicles = new Map<string, LiveVehicle>();
  readonly trips = new Map<string, LiveTrip>();
  readonly ages = new FrameAges();
  /** Of the same ages, what is reported to the gateway. */
  readonly sample: AgeSample;
  counts: Counts | null = null;
  cursor: Resume | null = null;
  private readonly heard = new Map<string, number>();
  private readonly openTrip = new Map<string, string>();
  private skews: number[] = [];
  private skew = 0;
  // The frame that answers a watch brings old positions of vehicles that came into view; their age says nothing of the way.
  private answering = true;
  private box: Box | null = null;
  private named: ReadonlySet<string> = new Set();

  constructor(random: () => number = Math.random) {
    this.sample = new AgeSample(random);
  }

  /** Apply a frame; null when it does not follow from what is held (another epoch), so a reset has to be asked for. */
  apply(frame: Reset | Update, received_ms: number): FrameChange | null {
    if (frame.kind === "update" && this.cursor?.epoch !== frame.epoch) return null;
    this.learnSkew(frame.now_ms - received_ms);
    if (frame.kind === "reset") this.clear();
    else if (!this.answering) this.measure(frame.vehicles, received_ms);
    this.answering = false;
    for (const trip of frame.trips) this.keepTrip(trip, frame.kind === "reset" ? null : frame.now_ms);
    for (const vehicle of frame.vehicles) this.keepVehicle(vehicle);
    const gone = frame.kind === "update" ? frame.gone : [];
    for (const vehicle_id of gone) {
      this.vehicles.delete(vehicle_id);
      this.heard.delete(vehicle_id);
    }
    if (frame.counts) this.counts = frame.counts;
    this.cursor = { epoch: frame.epoch, offset: frame.offset };
    return { kind: frame.kind, vehicles: frame.vehicles, trips: frame.trips, gone, received_ms };
  }

  /** A watch was sent: its answer may hold old positions. */
  expectAnswer(): void {
    this.answering = true;
  }

  /** The gateway's clock at a moment of this browser's, both in ms. */
  serverTime(browser_ms: number): number {
    return browser_ms + this.skew;
  }

  /** How many vehicles there are, in the watched box or not. */
  get fleetSize(): number {
    return this.heard.size;
  }

  heardMs(vehicle_id: string): number | null {
    return this.heard.get(vehicle_id) ?? null;
  }

  tripOf(vehicle_id: string): LiveTrip | undefined {
    const trip_id = this.openTrip.get(vehicle_id);
    return trip_id === undefined ? undefined : this.trips.get(trip_id);
  }

  /**
   * From now on only `box` is watched (null: everywhere), and the `named` vehicles wherever they are. The others outside
   * of it are forgotten, as the gateway takes for granted: it sends them again when they come into view.
   */
  watch(box: Box | null, named: ReadonlySet<string>): boolean {
    this.box = box;
    this.named = named;
    const before = this.vehicles.size;
    for (const vehicle of this.vehicles.values()) if (!this.watches(vehicle)) this.vehicles.delete(vehicle.vehicle_id);
    return this.vehicles.size !== before;
  }

  private watches(vehicle: LiveVehicle): boolean {
    return this.box === null || inside(this.box, vehicle) || this.named.has(vehicle.vehicle_id);
  }

  private keepVehicle(vehicle: LiveVehicle): void {
    if (this.watches(vehicle)) this.vehicles.set(vehicle.vehicle_id, vehicle);
    else this.vehicles.delete(vehicle.vehicle_id);
    this.hear(vehicle.vehicle_id, vehicle.recorded_ms);
  }

  private clear(): void {
    this.vehicles.clear();
    this.trips.clear();
    this.heard.clear();
    this.openTrip.clear();
  }

  private keepTrip(trip: LiveTrip, progress_ms: number | null): void {
    const before = this.trips.get(trip.trip_id);
    this.trips.set(trip.trip_id, trip);
    if (trip.status === "underway" || trip.status === "planned") this.openTrip.set(trip.vehicle_id, trip.trip_id);
    else if (this.openTrip.get(trip.vehicle_id) === trip.trip_id) this.openTrip.delete(trip.vehicle_id);
    const progressed = before !== undefined && before.arrival_ms !== trip.arrival_ms;
    if (progress_ms !== null && progressed) this.hear(trip.vehicle_id, progress_ms);
  }

  private hear(vehicle_id: string, moment_ms: number): void {
    this.heard.set(vehicle_id, Math.max(this.heard.get(vehicle_id) ?? 0, moment_ms));
  }

  private learnSkew(sample: number): void {
    // A frame's way takes time, which only ever lowers the sample: the largest of the recent ones is the nearest to true.
    this.skews = [...this.skews.slice(1 - SKEW_MEMORY), sample];
    this.skew = Math.max(...this.skews);
  }

  private measure(vehicles: readonly LiveVehicle[], received_ms: number): void {
    const now = this.serverTime(received_ms);
    for (const vehicle of vehicles) {
      const before = this.vehicles.get(vehicle.vehicle_id);
      if (!before || vehicle.recorded_ms <= before.recorded_ms) continue;
      this.ages.add(now - vehicle.recorded_ms, received_ms);
      this.sample.add(now - vehicle.recorded_ms);
    }
  }
}

function inside(box: Box, place: { readonly lat: number; readonly lng: number }): boolean {
  const [south, west, north, east] = box;
  return place.lat >= south && place.lat <= north && place.lng >= west && place.lng <= east;
}
