import { planBridge } from "./bridge";
import { isConnector, planConnector } from "./connector";
import type { Json } from "./json-text";
import type { KeyTable } from "./key-table";
import { BRIDGE, BRIDGE_INDEX } from "./keys";
import { CONNECTOR } from "./keys-connector";
import { ImportError, type Note } from "./note";
import type { FlowPlan } from "./plan";
import type { Secrets } from "./secrets";
import { Settings, unwrapped } from "./settings";
import type { Transaction } from "./transaction";

/** A kind of configuration file that can become a flow. */
export interface Kind {
  keys: KeyTable;
  /** Whether a file is of this kind. */
  recognises(file: Json): boolean;
  /** @throws ImportError when there is nothing to make a flow from */
  plan(file: Json, secrets: Secrets, choices: Choices): Planned;
}

/** The options of the command line that a plan depends on. */
export interface Choices {
  transaction?: Transaction | undefined;
}

/** The plan of a flow, and the notes about its file. */
export interface Planned {
  plan: FlowPlan;
  notes: Note[];
}

const connector: Kind = {
  keys: CONNECTOR,
  recognises: isConnector,
  plan: (file, secrets) => planConnector(file, secrets),
};

const bridge: Kind = {
  keys: BRIDGE,
  recognises: () => true, // it is tried last, and its error names best what is missing
  plan(file, secrets, { transaction }) {
    const wrong = "no bridge's configuration, and no device connector's: the sections database, broker and format are expected, or tenant and divisions";
    const settings = new Settings(unwrapped(file, BRIDGE_INDEX, wrong), BRIDGE_INDEX);
    return { plan: planBridge(settings, secrets, transaction), notes: settings.notes };
  },
};

/** The kinds of files, the most specific first. */
export const KINDS: readonly Kind[] = [connector, bridge];

/** Plans the flow of a file of any kind. @throws ImportError */
export function planFile(file: Json, secrets: Secrets, choices: Choices): Planned {
  const kind = KINDS.find(({ recognises }) => recognises(file));
  if (!kind) throw new ImportError("no configuration that is known");
  return kind.plan(file, secrets, choices);
}
