import { setTimeout as delay } from "node:timers/promises";
import { isConnectorError } from "../../../common/errors";
import { isLostAnswer, lostAnswer } from "./lost-answer";
import { restCalls } from "./record-calls-rest";
import { soapCalls } from "./record-calls-soap";
import type { RecordOutcome } from "./record-outcome";
import type { RestClient } from "../rest";
import { Suspicion, writesGetThrough } from "../suspicion";
import { SoapClient } from "../soap/soap";

/** Operations by REST for which each message is a call of its own. */
export const REST_CALLS = ["submit", "approve", "reject", "getUpdated", "getDeleted", "describe", "describeGlobal", "describeSObjects", "recent", "createTree", "setPassword", "resetPassword"] as const;
/** The same by SOAP; REST does not have these operations. */
export const SOAP_CALLS = [
  ...(["undelete", "emptyRecycleBin", "merge", "convertLead", "findDuplicates", "findDuplicatesByIds"] as const),
  ...(["sendEmail", "sendEmailMessage", "getServerTimestamp", "getUserInfo", "logout"] as const),
] as const;

/** An operation for which each message is a call of its own. */
export type CallOperation = (typeof REST_CALLS)[number] | (typeof SOAP_CALLS)[number];

/** The input of such an operation, from a message; each operation reads what it needs. */
export interface CallInput {
  /** API name of the object. */
  object: string;
  /** The message's data: records, ids, mails, names. */
  data: unknown;
  /** The id, when it is not in the data. */
  recordId: unknown;
  /** Ids of the records to merge into the first. */
  mergeIds: unknown;
  /** Span of time: each a Date, ISO text or ms since the epoch. Default of the end: now. */
  start: unknown;
  end: unknown;
  /** How many items a list has at most. */
  limit: number;
  allOrNone: boolean;
  /** Whether a list of which some were refused is an error. */
  someRefusedFails: boolean;
  headers: Record<string, string>;
}

/** The clients that the calls use. */
export interface CallParts {
  rest: RestClient;
  soap: SoapClient;
}

/** Carries out one call. */
export type RecordCall = (parts: CallParts, input: CallInput) => Promise<RecordOutcome>;

/** Operations that can be repeated: they change nothing in the org, and give the same answer. */
const REPEATABLE: ReadonlySet<CallOperation> = new Set<CallOperation>([
  ...(["getUpdated", "getDeleted", "describe", "describeGlobal", "describeSObjects", "recent"] as const),
  ...(["findDuplicates", "findDuplicatesByIds", "getServerTimestamp", "getUserInfo"] as const),
]);
/** How often a call for locked records is tried again; the pauses double from 50 ms. */
const LOCK_RETRIES = 3;

/** Carries out an operation that has a call for each message. When the answer to a call that must not be repeated was lost, its message alone fails. */
export class RecordCaller {
  private readonly parts: CallParts;
  private readonly call: RecordCall;
  private readonly suspicion = new Suspicion();

  constructor(
    rest: RestClient,
    private readonly operation: CallOperation,
  ) {
    this.parts = { rest, soap: new SoapClient(rest) };
    this.call = { ...restCalls, ...soapCalls }[operation];
  }

  /** Carries out one message. @param input must be the same object at every try @throws ConnectorError of scope `system` only if the call can safely be repeated */
  async run(input: CallInput): Promise<RecordOutcome> {
    for (let tries = 0; ; tries += 1) {
      try {
        return await this.call(this.parts, input);
      } catch (error) {
        if (!isConnectorError(error)) throw error;
        if (error.code === "ORG_BUSY" && error.details.results === undefined && tries < LOCK_RETRIES) await delay(50 * 2 ** tries);
        else if (isLostAnswer(error) && !REPEATABLE.has(this.operation)) throw lostAnswer(error, `org has done the ${this.operation}`);
        else throw await this.suspicion.judged(input, error, () => this.othersGetThrough(input));
      }
    }
  }

  /** Tries whether a call without content gets through, by the same API. */
  private othersGetThrough(input: CallInput): Promise<boolean> {
    if (!(this.operation in soapCalls)) return writesGetThrough(this.parts.rest);
    return soapCalls.getServerTimestamp(this.parts, input).then(() => true, () => false);
  }
}
