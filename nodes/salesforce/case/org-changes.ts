import { type FlowEmitter, onFlowEvent } from "../../delivery/flow-events";

/** The event of a deploy. If only some nodes are stopped, `diff` holds their ids. */
interface FlowEvent {
  diff?: { added?: string[]; changed?: string[]; removed?: string[]; linked?: string[] } | null;
}

/** The callbacks of {@link watchOrgs}. */
export interface OrgChanges {
  /** Called when one of the orgs is about to be closed or created. */
  changing(): void;
  /** Called afterwards, when all orgs that are configured have been created. */
  changed(): void;
}

/**
 * Watches config nodes whose ids are in a list. Node-RED restarts a node together with a config node that is named by one of its properties, but it does not look into
 * lists. Without this, the node would go on with an org that is closed or has outdated settings.
 *
 * @param node id of the node itself. If the deploy stops it too, no callback is called.
 * @returns a function that stops watching
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
