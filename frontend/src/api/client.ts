/** HTTP to Trackway: one function that speaks JSON, and errors that carry the server's problem document (RFC 9457). */
import type { Problem } from "./types";

/** A request that failed: `problem` is what the server said, or null when it did not answer at all. */
export class ApiError extends Error {
  readonly problem: Problem | null;

  constructor(problem: Problem | null, message: string) {
    super(message);
    this.name = "ApiError";
    this.problem = problem;
  }

  get status(): number | null {
    return this.problem?.status ?? null;
  }
}

export interface RequestOptions {
  readonly method?: "GET" | "POST" | "DELETE";
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;

async function problemOf(response: Response): Promise<Problem> {
  const fallback: Problem = { type: "about:blank", title: response.statusText, status: response.status, detail: "" };
  if (!response.headers.get("content-type")?.includes("json")) return fallback;
  try {
    const body: unknown = await response.json();
    if (!isRecord(body) || typeof body.title !== "string") return fallback;
    return { ...fallback, ...body, status: response.status };
  } catch {
    return fallback;
  }
}

/** Send a request and read its JSON answer (undefined for an empty one). Raises ApiError; an abort passes through as it is. */
export async function request<T>(path: string, options: RequestOptions = {}): Promise<T> {
  const { method = "GET", body, headers, signal } = options;
  const init: RequestInit = {
    method,
    headers: {
      accept: "application/json",
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
  };
  if (body !== undefined) init.body = JSON.stringify(body);
  if (signal) init.signal = signal;

  let response: Response;
  try {
    response = await fetch(path, init);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(null, "network");
  }
  if (!response.ok) {
    const problem = await problemOf(response);
    throw new ApiError(problem, problem.detail === "" ? problem.title : problem.detail);
  }
  if (response.status === 204) return undefined as T;
  const text = await response.text();
  if (text === "") return undefined as T;
  try {
    return JSON.parse(text) as T;
  } catch {
    throw new ApiError({ type: "about:blank", title: "unreadable", status: response.status, detail: "" }, "unreadable");
  }
}
