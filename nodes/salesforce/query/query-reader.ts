import { type Parameter, Parameters } from "../../common/parameters";
import { plainCopy } from "../../common/plain-copy";
import { whenReady } from "../../common/typed-input";
import type { FlowAccess } from "../../delivery/flow-access";
import { TriggeredRead } from "../../delivery/triggered-read";
import type { ReadPages, TriggeredReadOptions } from "../../delivery/triggered-read-options";
import type { OrgClient } from "../client/org";
import { bindQuery, prepareQuery } from "../client/query/query-binding";
import { QueryClient, type QueryRequest } from "../client/query/query-client";
import type { QueryRecord } from "../client/query/query-pages";
import { readingFrom } from "../client/reading";
import type { QuerySettings } from "./settings";

/** What is read of an answer, records or plans. */
interface Answer extends ReadPages<QueryRecord> {
  readonly totalSize: number;
}

/** What a {@link QueryReader} needs: as any reading, but for what the org knows. */
export interface QueryReaderOptions extends FlowAccess, Pick<TriggeredReadOptions<QueryRequest, QueryRecord, Answer>, "onState" | "patience"> {
  settings: QuerySettings;
  parameters: readonly Parameter[];
  org: OrgClient;
}

/** Asks the org for each message, one after the other, and puts out what it finds as fast as the flow settles it. */
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

/** An answer that is no list of records. */
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
