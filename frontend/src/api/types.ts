/** The records of the wire under the names that the page uses. */
export type * from "./generated/types";
export type { DeadLetterView as DeadLetter, RoutePlanned as Route } from "./generated/types";
