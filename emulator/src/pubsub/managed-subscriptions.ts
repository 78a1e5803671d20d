import { parseId } from "../ids";
import type { Org } from "../org";

/** A `ManagedEventSubscription`, as somebody makes it with the Tooling API. */
export interface ManagedSubscription {
  /** Begins with `18x`. */
  id: string;
  developerName: string;
  /** For example `/event/Device_Alert__e`. */
  topicName: string;
  /** Where it begins before anything was committed. */
  defaultReplay: "LATEST" | "EARLIEST";
  /** Where it goes on when what was committed is known no more. */
  errorRecoveryReplay: "LATEST" | "EARLIEST";
  state: "RUN" | "STOP";
  /** The replay id committed last. */
  committed?: number;
  /** Ends the stream that is open, of which there can be one. */
  stop?: () => void;
}

/** What {@link ManagedSubscriptions.set} takes. */
export type ManagedDefinition = Pick<ManagedSubscription, "developerName" | "topicName"> & Partial<Pick<ManagedSubscription, "defaultReplay" | "errorRecoveryReplay" | "state">>;

/** The managed subscriptions of an org. */
export class ManagedSubscriptions {
  private readonly byName = new Map<string, ManagedSubscription>();

  constructor(private readonly org: Org) {}

  /** Makes one, or changes the one with this developer name; one that is stopped ends its stream. @throws Error in plain words when it cannot be */
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

  /** @param idOrName an id, or a developer name */
  find(idOrName: string): ManagedSubscription | undefined {
    const id = parseId(idOrName);
    return this.byName.get(idOrName) ?? [...this.byName.values()].find((one) => one.id === id);
  }

  clear(): void {
    this.byName.clear();
  }
}
