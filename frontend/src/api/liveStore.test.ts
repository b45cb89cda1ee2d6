import { beforeEach, describe, expect, it } from "vitest";

import { aReset, aTrip, aVehicle, anUpdate, NOW } from "./fixtures";
import type { Ages, Reset, Update, Watch } from "./types";
import { LiveConnection, REPORT_MS, type World } from "./liveStore";

class FakeSocket {
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  binaryType = "blob";
  readyState = 0;
  readonly OPEN = 1;
  readonly protocol = "trackway.v1.json";
  readonly sent: Watch[] = [];
  readonly reported: Ages[] = [];

  accept(): void {
    this.readyState = 1;
    this.onopen?.();
  }

  give(frame: Reset | Update): void {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }

  end(code: number): void {
    this.readyState = 3;
    this.onclose?.({ code });
  }

  send(text: string): void {
    const said = JSON.parse(text) as Watch | Ages;
    if (said.kind === "ages") this.reported.push(said);
    else this.sent.push(said);
  }

  close(): void {
    this.end(1000);
  }
}

/** A world whose time passes only by `pass`. */
class FakeWorld implements World {
  readonly sockets: FakeSocket[] = [];
  private time = NOW;
  private tasks: { due: number; task: () => void }[] = [];

  socket = (): WebSocket => {
    const socket = new FakeSocket();
    this.sockets.push(socket);
    return socket as unknown as WebSocket;
  };
  now = (): number => this.time;
  random = (): number => 1;
  after = (ms: number, task: () => void): (() => void) => {
    const entry = { due: this.time + ms, task };
    this.tasks.push(entry);
    return () => {
      this.tasks = this.tasks.filter((other) => other !== entry);
    };
  };

  pass(ms: number): void {
    this.time += ms;
    const due = this.tasks.filter((entry) => entry.due <= this.time);
    this.tasks = this.tasks.filter((entry) => entry.due > this.time);
    for (const { task } of due) task();
  }

  get last(): FakeSocket {
    const socket = this.sockets.at(-1);
    if (!socket) throw new Error("no socket was opened");
    return socket;
  }
}

let world: FakeWorld;
let store: LiveConnection;

beforeEach(() => {
  world = new FakeWorld();
  store = new LiveConnection(world);
  store.open();
});

function live(frame = aReset()): void {
  world.last.accept();
  world.last.give(frame);
}

describe("the connection", () => {
  it("is live with the first frame", () => {
    expect(store.view().connection.state).toBe("connecting");
    world.last.accept();
    expect(world.last.sent[0]).toMatchObject({ kind: "watch", box: null, resume: null });
    world.last.give(aReset());
    expect(store.view()).toMatchObject({ ready: true, connection: { state: "live" } });
    expect(store.vehicles.get("v1")?.name).toBe("Van 12");
  });

  it("comes back after a loss and asks for what it missed", () => {
    live();
    world.last.give(anUpdate({ offset: 42 }));
    world.last.end(1006);
    expect(store.view().connection).toMatchObject({ state: "offline", since_ms: NOW, retry_at_ms: NOW + 250 });
    expect(store.vehicles.size).toBe(1);
    world.pass(250);
    world.last.accept();
    expect(world.last.sent[0]?.resume).toEqual({ epoch: "e1", offset: 42 });
    world.last.give(anUpdate({ offset: 60, vehicles: [aVehicle(), aVehicle({ vehicle_id: "v2" })] }));
    expect(store.view().connection.state).toBe("live");
    expect(store.view().returned).toEqual({ positions: 2, at_ms: NOW + 250, away_ms: 250 });
  });

  it("counts the time offline from the loss, over all tries", () => {
    live();
    world.last.end(1006);
    world.pass(250);
    world.last.end(1006);
    expect(store.view().connection).toMatchObject({ state: "offline", since_ms: NOW, retry_at_ms: NOW + 250 + 500 });
  });

  it("lets time stand still while it is lost, but for the clock", () => {
    live();
    world.last.end(1013);
    world.pass(4000);
    expect([store.now(), store.clock()]).toEqual([NOW, NOW + 4000]);
    world.pass(1000);
    live();
    expect(store.now()).toBe(store.clock());
  });

  it("takes a new picture when the gateway has begun a new life", () => {
    live();
    world.last.end(1001);
    world.pass(0);
    live(aReset({ epoch: "e2", vehicles: [aVehicle({ vehicle_id: "v9" })] }));
    expect([...store.vehicles.keys()]).toEqual(["v9"]);
  });

  it.each([
    ["an update of another epoch", JSON.stringify(anUpdate({ epoch: "e2" }))],
    ["something unreadable", "?"],
  ])("begins anew without a resume after %s", (_, message) => {
    live();
    const log = console.error;
    console.error = () => undefined;
    world.last.onmessage?.({ data: message });
    console.error = log;
    world.pass(1000);
    world.last.accept();
    expect(world.sockets).toHaveLength(2);
    expect(world.last.sent[0]?.resume).toBeNull();
  });

  it("does not come back when it was refused", () => {
    live();
    world.last.end(4400);
    world.pass(60_000);
    expect(world.sockets).toHaveLength(1);
    expect(store.view().connection).toMatchObject({ state: "offline", refused: true, retry_at_ms: null });
  });

  it("tries at once when asked to", () => {
    live();
    world.last.end(1013);
    store.retryNow();
    expect(world.sockets).toHaveLength(2);
    store.retryNow();
    expect(world.sockets).toHaveLength(2);
  });
});

describe("who listens", () => {
  it("hears each frame at once, and pictures at most four times a second", () => {
    live();
    let frames = 0;
    let pictures = 0;
    store.onFrame(() => (frames += 1));
    store.subscribe(() => (pictures += 1));
    for (let i = 0; i < 20; i++) {
      world.last.give(anUpdate({ offset: 11 + i }));
      world.pass(50);
    }
    expect(frames).toBe(20);
    expect(pictures).toBeLessThanOrEqual(4);
    expect(pictures).toBeGreaterThanOrEqual(3);
  });

  it("gets the same picture until it is told of a new one", () => {
    live();
    const picture = store.view();
    world.last.give(anUpdate());
    expect(store.view()).toBe(picture);
    world.pass(250);
    expect(store.view()).not.toBe(picture);
  });
});

describe("what is watched", () => {
  const view = { box: [-35, -57, -34, -56] as const, zoom: 13, vehicles: [], trip: null };
  const many = (n: number) =>
    aReset({
      vehicles: Array.from({ length: n }, (_, i) => aVehicle({ vehicle_id: `v${i}`, lat: i % 2 ? -34.5 : -30 })),
    });

  it("is a small fleet everywhere, wherever the map looks", () => {
    live(many(300));
    store.watch(view);
    expect(world.last.sent.at(-1)?.box).toBeNull();
    expect(store.vehicles.size).toBe(300);
  });

  it("is only what the map shows of a large one, and stays so although fewer are held", () => {
    store.watch(view);
    live(many(400));
    expect(world.last.sent.at(-1)?.box).toEqual([...view.box]);
    expect(store.vehicles.size).toBe(200);
    store.watch({ ...view, zoom: 14 });
    expect(world.last.sent.at(-1)).toMatchObject({ box: [...view.box], zoom: 14 });
  });

  it("is everything once after each connection, so that the list's states are whole", () => {
    store.watch(view);
    live(many(400));
    world.last.end(1006);
    world.pass(250);
    world.last.accept();
    expect(world.last.sent).toHaveLength(1);
    expect(world.last.sent[0]?.box).toBeNull();
  });

  it("keeps the vehicle of the chosen trip wherever it is", () => {
    const far = [aVehicle({ lat: -30 })];
    live({ ...many(400), trips: [aTrip()] });
    store.watch({ ...view, trip: "t1" });
    world.last.give(anUpdate({ vehicles: far }));
    expect(store.vehicles.get("v1")?.lat).toBe(-30);
  });
});

describe("how old positions are", () => {
  it("is reported now and then while it is live, and only when some have come", () => {
    live();
    world.pass(REPORT_MS);
    expect(world.last.reported).toEqual([]);
    world.last.give(anUpdate({ now_ms: NOW + 10_000, vehicles: [aVehicle({ recorded_ms: NOW + 9_958 })] }));
    world.pass(REPORT_MS);
    expect(world.last.reported).toEqual([{ kind: "ages", ages_ms: [42] }]);
    world.pass(REPORT_MS);
    expect(world.last.reported).toHaveLength(1);
  });

  it("is not reported over a connection that is lost", () => {
    live();
    world.last.give(anUpdate({ vehicles: [aVehicle({ recorded_ms: NOW + 1 })] }));
    world.last.end(1006);
    world.pass(REPORT_MS);
    expect(world.sockets.flatMap((socket) => socket.reported)).toEqual([]);
  });
});
