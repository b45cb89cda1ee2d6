/** The list's model bound to a component: its picture, and the filter that it follows. */
import { useEffect, useState, useSyncExternalStore } from "react";

import type { LiveStore } from "../../api";
import { ListModel, type ListPicture } from "./listModel";
import type { Filter } from "./rows";

export function useListModel(store: LiveStore, filter: Filter): { model: ListModel; picture: ListPicture } {
  const [model] = useState(() => new ListModel(store));
  const picture = useSyncExternalStore(model.subscribe, model.snapshot);
  const { list, query, only } = filter;
  useEffect(() => model.setFilter({ list, query, only }), [model, list, query, only]);
  return { model, picture };
}
