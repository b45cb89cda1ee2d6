/** Whether a chart shows itself or its numbers as a table. */
import { useCallback, useState } from "react";

export function useTable(): readonly [boolean, () => void] {
  const [table, setTable] = useState(false);
  return [table, useCallback(() => setTable((shown) => !shown), [])];
}
