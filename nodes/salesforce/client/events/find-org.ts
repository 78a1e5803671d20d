import { type ConnectorError, toConnectorError } from "../../../common/errors";
import { orgClock } from "./org-clock";
import { orgIdOf } from "./org-identity";
import type { StreamOrg } from "./org-streams";

/** The org that a login leads to. */
export interface FoundOrg {
  /** 18 characters. */
  id: string;
  /** As {@link orgClock} makes it. */
  now(): number;
}

/** What {@link findOrg} is told and tells. */
export interface FindOrgOptions {
  /** Whether nobody wants to know any more. */
  isOver(): boolean;
  /** Told of what is not shown as the org's state. It tries again all the same. */
  onTrouble(error: ConnectorError): void;
}

/** Asks which org the login leads to, and what time it has. Tries until it succeeds. @returns `undefined` when that is over meanwhile */
export async function findOrg(org: Pick<StreamOrg, "openSession" | "untilReady" | "rest" | "http">, { isOver, onTrouble }: FindOrgOptions): Promise<FoundOrg | undefined> {
  while (!isOver()) {
    try {
      const session = await org.openSession();
      return { id: await orgIdOf(org, session), now: await orgClock(org, session) };
    } catch (thrown) {
      const error = toConnectorError(thrown);
      if (error.scope === "message") onTrouble(error);
      await org.untilReady(error);
    }
  }
  return undefined;
}
