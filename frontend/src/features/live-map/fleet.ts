/** The vehicles as the map draws them: follows the live store, moves them each frame, and knows each one's state. */
import type { FrameChange, LiveStore, LiveTrip, LiveVehicle } from "../../api";
import { glideSpeed, glideTo, poseAt, type Glide, type Pose } from "./motion";
import { spriteOf, type VehicleSprite } from "./sprites";
import { vehicleState, type Attention, type VehicleState } from "./vehicleState";

/** One vehicle on the map; changed in place, so that a frame makes no garbage. */
export interface Mark extends Pose {
  readonly vehicle_id: string;
  vehicle: LiveVehicle;
  trip: LiveTrip | undefined;
  state: VehicleState;
  sprite: VehicleSprite;
  glide: Glide;
}

/** What decides which vehicles are drawn and how. */
export interface FleetView {
  readonly selected: string | null;
  readonly only: ReadonlySet<Attention> | null;
  readonly offline: boolean;
}

const DRAW_ORDER: Record<Attention, number> = { fine: 0, silent: 1, late: 2, off: 3 };

export class Fleet {
  /** Vehicles to draw, the most important last; a new array when who is drawn or the order changes. */
  drawn: readonly Mark[] = [];
  /** Grows when a state, an icon or the set of vehicles changed. */
  version = 0;
  private readonly marks = new Map<string, Mark>();
  private unseen: number[] = [];
  /** Whether anything is to be moved: a vehicle glides, or a position came. */
  needsAdvance = true;

  constructor(
    private readonly store: LiveStore,
    private readonly reducedMotion: () => boolean,
  ) {}

  get(vehicle_id: string | null): Mark | undefined {
    return vehicle_id === null ? undefined : this.marks.get(vehicle_id);
  }

  /** Takes a frame of the live connection. `now_ms` is the frame clock. */
  apply(change: FrameChange, now_ms: number): void {
    for (const vehicle of change.vehicles) {
      this.take(vehicle, now_ms);
      if (change.kind === "update") this.unseen.push(vehicle.recorded_ms);
    }
    this.needsAdvance = true;
  }

  /** The fastest glide of all drawn vehicles, in degrees of latitude per millisecond. */
  fastest(now_ms: number): number {
    return this.drawn.reduce((most, { glide }) => Math.max(most, glideSpeed(glide, now_ms)), 0);
  }

  /** Moves every vehicle to its place at `now_ms` (frame clock); tells whether any of them still moves. */
  advance(now_ms: number): boolean {
    if (!this.needsAdvance) return false;
    let moving = false;
    for (const mark of this.marks.values()) moving = poseAt(mark.glide, now_ms, mark) || moving;
    this.needsAdvance = moving;
    return moving;
  }

  /** The times, by the gateway's clock, of the positions that no frame has shown until now. */
  takeUnseen(): readonly number[] {
    const unseen = this.unseen;
    if (unseen.length > 0) this.unseen = [];
    return unseen;
  }

  /** Works out states and who is drawn; a few times a second is enough. */
  refresh(view: FleetView, now_ms: number): void {
    this.reconcile(now_ms);
    const drawn: Mark[] = [];
    let changed = false;
    for (const mark of this.marks.values()) {
      changed = this.restate(mark, view.offline) || changed;
      if (isDrawn(mark, view)) drawn.push(mark);
    }
    const order = (mark: Mark) => (mark.vehicle_id === view.selected ? 9 : DRAW_ORDER[mark.state.attention]);
    drawn.sort((a, b) => order(a) - order(b));
    const same = drawn.length === this.drawn.length && drawn.every((mark, i) => mark === this.drawn[i]);
    if (!same) this.drawn = drawn;
    if (!same || changed) this.version++;
  }

  private take(vehicle: LiveVehicle, now_ms: number): void {
    const mark = this.marks.get(vehicle.vehicle_id);
    const glide = glideTo(mark?.glide ?? null, vehicle, now_ms, this.reducedMotion());
    if (mark !== undefined) {
      mark.vehicle = vehicle;
      mark.glide = glide;
      return;
    }
    this.marks.set(vehicle.vehicle_id, {
      vehicle_id: vehicle.vehicle_id,
      vehicle,
      trip: undefined,
      state: { motion: "moving", attention: "fine" },
      sprite: "dart-plain",
      glide,
      ...glide.to,
    });
  }

  /** The store may drop vehicles that left the watched box, and holds some before the map is there. */
  private reconcile(now_ms: number): void {
    for (const id of this.marks.keys()) if (!this.store.vehicles.has(id)) this.marks.delete(id);
    if (this.marks.size === this.store.vehicles.size) return;
    for (const [id, vehicle] of this.store.vehicles) if (!this.marks.has(id)) this.take(vehicle, now_ms);
  }

  private restate(mark: Mark, offline: boolean): boolean {
    const { store } = this;
    mark.trip = store.tripOf(mark.vehicle_id);
    const state = vehicleState(mark.vehicle, mark.trip, store.now(), store.heardMs(mark.vehicle_id));
    const sprite = spriteOf(state.motion, state.attention, offline || mark.trip === undefined);
    const changed = sprite !== mark.sprite || state.attention !== mark.state.attention;
    mark.state = state;
    mark.sprite = sprite;
    return changed;
  }
}

/** A vehicle without a trip that is silent is parked: it is not drawn, unless it is selected. */
function isDrawn(mark: Mark, { selected, only }: FleetView): boolean {
  if (mark.vehicle_id === selected) return true;
  if (mark.trip === undefined && mark.state.motion === "silent") return false;
  return only === null || only.has(mark.state.attention);
}
