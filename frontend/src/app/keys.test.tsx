// @vitest-environment jsdom
import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { useKeys, useRegionKey } from "./keys";

const follow = vi.fn();
const goMap = vi.fn();
const move = vi.fn();
const back = vi.fn();

function Page({ single = true }: { readonly single?: boolean }) {
  useKeys({ f: follow, m: move, "g m": goMap, Escape: back }, single);
  useRegionKey();
  return (
    <>
      <input aria-label="field" />
      <input type="radio" aria-label="choice" />
      <div role="dialog">
        <button type="button">inside</button>
      </div>
      <section data-region tabIndex={-1}>
        one
      </section>
      <section data-region tabIndex={-1}>
        two
      </section>
    </>
  );
}

beforeEach(() => {
  for (const action of [follow, goMap, move, back]) action.mockReset();
});
afterEach(cleanup);

describe("keys", () => {
  it("act anywhere on the page, in either case", () => {
    render(<Page />);
    fireEvent.keyDown(document.body, { key: "F" });
    fireEvent.keyDown(screen.getByLabelText("choice"), { key: "f" });
    expect(follow).toHaveBeenCalledTimes(2);
  });

  it("are dead in fields and dialogs, and with a modifier", () => {
    render(<Page />);
    fireEvent.keyDown(screen.getByLabelText("field"), { key: "f" });
    fireEvent.keyDown(screen.getByText("inside"), { key: "f" });
    fireEvent.keyDown(document.body, { key: "f", ctrlKey: true });
    expect(follow).not.toHaveBeenCalled();
  });

  it("make sequences: G then M goes to the map, M alone does not", () => {
    render(<Page />);
    fireEvent.keyDown(document.body, { key: "g" });
    fireEvent.keyDown(document.body, { key: "m" });
    expect([goMap.mock.calls.length, move.mock.calls.length]).toEqual([1, 0]);
    fireEvent.keyDown(document.body, { key: "m" });
    expect([goMap.mock.calls.length, move.mock.calls.length]).toEqual([1, 1]);
  });

  it("can be switched off, all but Escape", () => {
    render(<Page single={false} />);
    fireEvent.keyDown(document.body, { key: "f" });
    fireEvent.keyDown(document.body, { key: "Escape" });
    expect([follow.mock.calls.length, back.mock.calls.length]).toEqual([0, 1]);
  });

  it("walk over the regions with F6, backwards with Shift", () => {
    render(<Page />);
    fireEvent.keyDown(document.body, { key: "F6" });
    expect(document.activeElement?.textContent).toBe("one");
    fireEvent.keyDown(document.body, { key: "F6" });
    expect(document.activeElement?.textContent).toBe("two");
    fireEvent.keyDown(document.body, { key: "F6", shiftKey: true });
    expect(document.activeElement?.textContent).toBe("one");
  });
});
