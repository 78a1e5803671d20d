import { planBridge } from "./bridge";
import type { Json } from "./json-text";
import { ImportError, type Note } from "./note";
import type { FlowPlan } from "./plan";
import type { Secrets } from "./secrets";
import { Settings } from "./settings";
import type { Transaction } from "./transaction";

/** A kind of configuration file that can become a flow. */
export interface Kind {
  name: string;
  /** Whether a file is of this kind. */
  recognises(file: Json): boolean;
  /** @throws ImportError when there is nothing to make a flow from */
  plan(file: Json, secrets: Secrets, choices: Choices): Planned;
}

/** What the user says on the command line. */
export interface Choices {
  transaction?: Transaction | undefined;
}

/** A flow to make, and what there is to say of the file. */
export interface Planned {
  plan: FlowPlan;
  notes: Note[];
}

const bridge: Kind = {
  name: "bridge between a queue and a database",
  recognises: () => true, // as long as it is the only kind, it says best what is missing
  plan(file, secrets, { transaction }) {
    const settings = new Settings(file);
    return { plan: planBridge(settings, secrets, transaction), notes: settings.notes };
  },
};

/** The kinds, the most particular first. */
const KINDS: readonly Kind[] = [bridge];

/** Plans the flow of a file of any kind. @throws ImportError */
export function planFile(file: Json, secrets: Secrets, choices: Choices): Planned {
  const kind = KINDS.find(({ recognises }) => recognises(file));
  if (!kind) throw new ImportError("no configuration that is known");
  return kind.plan(file, secrets, choices);
}
