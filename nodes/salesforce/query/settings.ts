import { textIn } from "../../common/environment";
import { ConnectorError } from "../../common/errors";
import { oneOf } from "../../common/one-of";
import type { ParameterDef } from "../../common/parameters";
import { wholeNumber } from "../../common/whole-number";
import { type DeliveryDef, readDeliverySettings } from "../../delivery/delivery-settings";
import type { TriggeredReadSettings } from "../../delivery/reading/triggered-read-options";
import type { QueryLanguage } from "../client/query/query-binding";

/** The properties that the editor saves. Numbers may be texts: as typed, or from environment variables. Times are in ms. */
export interface QueryDef extends DeliveryDef {
  org: string;
  language?: string;
  query?: string;
  parameters?: ParameterDef[];
  /** `row`, `page` or `all`. */
  output?: string;
  /** Whether to read deleted and archived records, too. SOQL only. */
  deleted?: boolean;
  /** Whether to send the org's plan for the query instead of records. SOQL only. */
  explain?: boolean;
  batchSize?: number | string;
  maxRows?: number | string;
  maxInFlight?: number | string;
  emptyOutput?: boolean;
}

/** The checked settings, with all defaults. */
export interface QuerySettings extends TriggeredReadSettings {
  language: QueryLanguage;
  query: string;
  deleted: boolean;
  explain: boolean;
  /** How many records the org is asked for per page, 200 to 2000. */
  pageSize: number;
}

/** Reads the settings of a `salesforce query` node and sets the defaults. @throws ConnectorError `NOT_CONFIGURED` when one is missing or wrong */
export function readSettings(def: QueryDef): QuerySettings {
  const query = textIn(def.query);
  if (!query) throw new ConnectorError("NOT_CONFIGURED", "No query is given");
  const language = oneOf(def.language, "Language", ["soql", "sosl"], "soql");
  const explain = def.explain === true;
  if (explain && language === "sosl") throw new ConnectorError("NOT_CONFIGURED", "Only SOQL can be explained");
  const output = explain ? "all" : oneOf(def.output, "Send", ["row", "page", "all"], "row");
  const batchSize = wholeNumber(def.batchSize, "Page size", { fallback: 2_000, min: 1, max: 100_000 });
  return {
    language,
    query,
    deleted: def.deleted === true && language === "soql",
    explain,
    output: output === "page" ? "batch" : output,
    batchSize,
    pageSize: output === "page" ? Math.min(Math.max(batchSize, 200), 2_000) : 2_000,
    maxRows: wholeNumber(def.maxRows, "Most records", { fallback: 100_000, min: 1, max: 10_000_000 }),
    maxInFlight: wholeNumber(def.maxInFlight, "In flow", { fallback: 1_000, min: 1, max: 100_000 }),
    emptyOutput: def.emptyOutput === true,
    ...readDeliverySettings(def),
  };
}
