import { type FlowNode, flowOf } from "./flow";
import { readJson } from "./json-text";
import { type Choices, planFile } from "./kinds";
import { ImportError } from "./note";
import { commentOf, reportOf } from "./report";
import { Secrets } from "./secrets";

/** A flow, and what there is to say of it. */
export interface Imported {
  flow: FlowNode[];
  /** For a terminal; repeats no value that may be a secret. */
  report: string;
}

/** What the user says on the command line. */
export interface ImportOptions extends Choices {
  /** What the names of environment variables begin with. Default `SUREWIRE`. */
  prefix?: string | undefined;
}

/**
 * Makes a flow of a configuration file.
 *
 * @param file how the report calls it
 * @throws ImportError
 */
export function importFile(bytes: Uint8Array, file: string, { prefix = "SUREWIRE", ...choices }: ImportOptions = {}): Imported {
  const secrets = new Secrets(prefix);
  const { plan, notes } = unlessTooDeep(() => planFile(readJson(bytes), secrets, choices));
  return { flow: flowOf(plan, commentOf(plan, secrets.variables, notes)), report: reportOf(file, plan, secrets.variables, notes) };
}

/** JSON may be nested deeper than any program looks into it. */
function unlessTooDeep<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof RangeError) throw new ImportError("the file is nested too deeply");
    throw error;
  }
}
