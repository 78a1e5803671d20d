/** What the importer has to say of a key. */
export interface Note {
  /** Of the key, as it stands in the file. */
  path: string;
  /** `unknown`: no key of ours. `dropped`: nothing in the flow corresponds to it. `check`: carried over, but somebody has to look at it. */
  kind: "unknown" | "dropped" | "check";
  /** Never repeats a value of the file: it may be a secret in the wrong place. */
  text: string;
}

/** The file cannot become a flow. Its text repeats no value of the file. */
export class ImportError extends Error {
  override readonly name = "ImportError";
}
