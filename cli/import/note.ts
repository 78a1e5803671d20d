/** What the importer reports about a key. */
export interface Note {
  /** Path of the key, as in the file. */
  path: string;
  /** `unknown`: the importer does not know the key. `dropped`: nothing in the flow corresponds to it. `check`: carried over, but the user has to look at it. */
  kind: "unknown" | "dropped" | "check";
  /** Never repeats a value of the file that may be a secret in the wrong place. */
  text: string;
}

/** Thrown when the file cannot become a flow. Its text repeats no value of the file. */
export class ImportError extends Error {
  override readonly name = "ImportError";
}
