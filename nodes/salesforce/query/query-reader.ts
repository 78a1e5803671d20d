import { type Parameter, Parameters } from "../../common/parameters";
import { plainCopy } from "../../common/plain-copy";
import { whenReady } from "../../common/typed-input";
import type { FlowAccess } from "../../delivery/flow-access";
import { TriggeredRead } from "../../delivery/reading/triggered-read";
import type { ReadPages, TriggeredReadOptions } from "../../delivery/reading/triggered-read-options";
import type { OrgClient } from "../client/org";
import { bindQuery, prepareQuery } from "../client/query/query-binding";
import { QueryClient, type QueryRequest } from "../client/query/query-client";
import type { QueryRecord } from "../client/query/query-pages";
import { readingFrom } from "../client/reading";
import type { QuerySettings } from "./settings";

/** An answer of the org: pages of records, or the one plan. */
interface Answer extends ReadPages<QueryRecord> {
  readonly totalSize: number;
}

/** The options of a {@link QueryReader}: those of any triggered read, except for those that the org itself provides. */
export interface QueryReaderOptions extends FlowAccess, Pick<TriggeredReadOptions<QueryRequest, QueryRecord, Answer>, "onState" | "patience"> {
  settings: QuerySettings;
  parameters: readonly Parameter[];
  org: OrgClient;
}

/** Queries the org for one message after the other, and sends the records as fast as the flow settles them. */
export class QueryReader extends TriggeredRead<QueryRequest, QueryRecord, Answer> {
  constructor({ settings, parameters, org, ...options }: QueryReaderOptions) {
    const { language, deleted, pageSize, output, explain } = settings;
    const query = prepareQuery(settings.query, language);
    const values = new Parameters(query.names, parameters, (value) => value);
    const client = new QueryClient(org.rest, org.rest.version);
    super({
      ...options,
      settings,
      ...readingFrom(org),
      valuesFor: (msg) => whenReady(values.for(msg), (ready): QueryRequest => ({ language, text: bindQuery(query, ready), deleted, pageSize })),
      open: async (request) => (explain ? onePage(await client.explain(request.text)) : client.open(request)),
      message: ({ totalSize }, records) => {
        if (explain) return { payload: plainCopy(records[0]) };
        return { payload: plainCopy(output === "row" ? records[0] : records), salesforce: { totalSize } };
      },
    });
  }
}

/** Wraps a single result in an answer with one page. */
function onePage(record: unknown): Answer {
  let left: QueryRecord[] | undefined = [record as QueryRecord];
  return {
    totalSize: 1,
    next: () => {
      const page = left;
      left = undefined;
      return Promise.resolve(page);
    },
    close: () => Promise.resolve(),
  };
}
