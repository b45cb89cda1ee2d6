/** Search in everything that was ever recorded, where the server has it. */
export { HistorySearch, type HistorySearchProps } from "./HistorySearch";
