import { type FlowNode, flowOf } from "./flow";
import { readJson } from "./json-text";
import { type Choices, planFile } from "./kinds";
import { ImportError } from "./note";
import { commentOf, reportOf } from "./report";
import { Secrets } from "./secrets";

/** A flow and the report about it. */
export interface Imported {
  flow: FlowNode[];
  /** Text for a terminal. It repeats no value of the file that may be a secret. */
  report: string;
}

/** The options of the command line. */
export interface ImportOptions extends Choices {
  /** The beginning of the names of environment variables. Default: `SUREWIRE`. */
  prefix?: string | undefined;
}

/**
 * Makes a flow of a configuration file.
 *
 * @param file name of the file in the report
 * @throws ImportError when the file is no JSON, or no configuration that can become a flow
 */
export function importFile(bytes: Uint8Array, file: string, { prefix = "SUREWIRE", ...choices }: ImportOptions = {}): Imported {
  const secrets = new Secrets(prefix);
  const { plan, notes } = unlessTooDeep(() => planFile(readJson(bytes), secrets, choices));
  return { flow: flowOf(plan, commentOf(plan, secrets.variables, notes)), report: reportOf(file, plan, secrets.variables, notes) };
}

/** Runs a function that walks through the file's JSON. @throws ImportError when the JSON is nested so deeply that the stack overflows */
function unlessTooDeep<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof RangeError) throw new ImportError("the file is nested too deeply");
    throw error;
  }
}
