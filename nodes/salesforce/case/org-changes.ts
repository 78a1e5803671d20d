import { type FlowEmitter, onFlowEvent } from "../../delivery/flow-events";

/** A deploy that stops only some nodes says which: ids. */
interface FlowEvent {
  diff?: { added?: string[]; changed?: string[]; removed?: string[]; linked?: string[] } | null;
}

/** What {@link watchOrgs} tells of. */
export interface OrgChanges {
  /** One of the orgs is about to be closed, or to be there. */
  changing(): void;
  /** All are there that there will be. */
  changed(): void;
}

/**
 * Watches config nodes that stand in a list. Node-RED starts a node anew with a config node that one of its properties names, but does not
 * look into lists: there the node would go on with an org that is closed, by settings that are not so any more.
 *
 * @param node id of the node itself: when it is stopped, too, nothing is told
 * @returns how to stop watching
 */
export function watchOrgs(events: FlowEmitter, node: string, orgs: ReadonlySet<string>, told: OrgChanges): () => void {
  let changing = false;
  const stopping = (event?: FlowEvent): void => {
    const { added = [], changed = [], removed = [], linked = [] } = event?.diff ?? {};
    changing = [...added, ...changed, ...removed].some((id) => orgs.has(id)) && ![...changed, ...removed, ...linked].includes(node);
    if (changing) told.changing();
  };
  const started = (): void => {
    if (changing) told.changed();
    changing = false;
  };
  const stops = [onFlowEvent(events, "flows:stopping", stopping), onFlowEvent(events, "flows:started", started)];
  return () => stops.forEach((stop) => stop());
}
