import { parseId } from "../ids";
import type { Org } from "../org";

/** A `ManagedEventSubscription`. In a real org it is created with the Tooling API. */
export interface ManagedSubscription {
  /** Begins with `18x`. */
  id: string;
  developerName: string;
  /** For example `/event/Device_Alert__e`. */
  topicName: string;
  /** Where it begins as long as nothing was committed. */
  defaultReplay: "LATEST" | "EARLIEST";
  /** Where it goes on when the org no longer knows the committed replay id. */
  errorRecoveryReplay: "LATEST" | "EARLIEST";
  state: "RUN" | "STOP";
  /** The replay id that was committed last. */
  committed?: number;
  /** Ends the open stream. There can be only one. */
  stop?: () => void;
}

/** The options of {@link ManagedSubscriptions.set}. */
export type ManagedDefinition = Pick<ManagedSubscription, "developerName" | "topicName"> & Partial<Pick<ManagedSubscription, "defaultReplay" | "errorRecoveryReplay" | "state">>;

/** The managed subscriptions of an org. */
export class ManagedSubscriptions {
  private readonly byName = new Map<string, ManagedSubscription>();

  constructor(private readonly org: Org) {}

  /** Adds a subscription, or changes the one with this developer name. If it is set to STOP, its stream ends. @throws Error for wrong options */
  set({ developerName, topicName, defaultReplay = "LATEST", errorRecoveryReplay = "LATEST", state = "RUN" }: ManagedDefinition): ManagedSubscription {
    if (!/^[A-Za-z]\w*$/.test(String(developerName))) throw new Error("developerName must begin with a letter, and go on with letters, digits and underscores");
    const kind = this.org.events.channel(String(topicName))?.kind;
    if (kind !== "event" && kind !== "data") throw new Error(`the org has no channel ${String(topicName)} that the Pub/Sub API serves`);
    for (const replay of [defaultReplay, errorRecoveryReplay]) if (replay !== "LATEST" && replay !== "EARLIEST") throw new Error("a replay must be LATEST or EARLIEST");
    if (state !== "RUN" && state !== "STOP") throw new Error("state must be RUN or STOP");
    const subscription: ManagedSubscription = this.byName.get(developerName) ?? { id: this.org.store.ids.next("18x"), developerName, topicName, defaultReplay, errorRecoveryReplay, state };
    this.byName.set(developerName, Object.assign(subscription, { topicName, defaultReplay, errorRecoveryReplay, state }));
    if (state === "STOP") subscription.stop?.();
    return subscription;
  }

  /** Returns a subscription. @param idOrName its id or its developer name */
  find(idOrName: string): ManagedSubscription | undefined {
    const id = parseId(idOrName);
    return this.byName.get(idOrName) ?? [...this.byName.values()].find((one) => one.id === id);
  }

  clear(): void {
    this.byName.clear();
  }
}
