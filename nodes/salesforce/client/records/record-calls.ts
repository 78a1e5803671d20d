import { setTimeout as delay } from "node:timers/promises";
import { isConnectorError } from "../../../common/errors";
import { isLostAnswer, lostAnswer } from "./lost-answer";
import { restCalls } from "./record-calls-rest";
import { soapCalls } from "./record-calls-soap";
import type { RecordOutcome } from "./record-outcome";
import type { RestClient } from "../rest";
import { Suspicion, writesGetThrough } from "./suspicion";
import { SoapClient } from "../soap/soap";

/** Operations of which each message is a call of its own, by REST. */
export const REST_CALLS = ["submit", "approve", "reject", "getUpdated", "getDeleted", "describe", "describeGlobal", "describeSObjects", "recent", "createTree", "setPassword", "resetPassword"] as const;
/** The same, by SOAP, which alone has them. */
export const SOAP_CALLS = [
  ...(["undelete", "emptyRecycleBin", "merge", "convertLead", "findDuplicates", "findDuplicatesByIds"] as const),
  ...(["sendEmail", "sendEmailMessage", "getServerTimestamp", "getUserInfo", "logout"] as const),
] as const;

/** An operation of which each message is a call of its own. */
export type CallOperation = (typeof REST_CALLS)[number] | (typeof SOAP_CALLS)[number];

/** What a message gives such an operation; each reads what it needs. */
export interface CallInput {
  /** API name. */
  object: string;
  /** The message's data: records, ids, mails, names. */
  data: unknown;
  /** Where the id is, when it does not stand in the data. */
  recordId: unknown;
  /** Records merged into the first. */
  mergeIds: unknown;
  /** Span of time: a Date, ISO text or ms; end absent: now. */
  start: unknown;
  end: unknown;
  /** Most items of a list. */
  limit: number;
  allOrNone: boolean;
  /** A list of which some were refused is an error. */
  someRefusedFails: boolean;
  headers: Record<string, string>;
}

/** What the calls stand on. */
export interface CallParts {
  rest: RestClient;
  soap: SoapClient;
}

/** Carries out one call. */
export type RecordCall = (parts: CallParts, input: CallInput) => Promise<RecordOutcome>;

/** Those that leave the org the same when they are sent twice, and tell the same. */
const REPEATABLE: ReadonlySet<CallOperation> = new Set<CallOperation>([
  ...(["getUpdated", "getDeleted", "describe", "describeGlobal", "describeSObjects", "recent"] as const),
  ...(["findDuplicates", "findDuplicatesByIds", "getServerTimestamp", "getUserInfo"] as const),
]);
/** Tries for records that are locked; ms between them double from 50. */
const LOCK_RETRIES = 3;

/** Carries out an operation that has a call for each message. What may not be repeated fails by itself when its answer was lost. */
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

  /** @param input the same object at every try @throws ConnectorError of scope `system` only for what is safe to send again */
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

  /** By the same way, with nothing in it. */
  private othersGetThrough(input: CallInput): Promise<boolean> {
    if (!(this.operation in soapCalls)) return writesGetThrough(this.parts.rest);
    return soapCalls.getServerTimestamp(this.parts, input).then(() => true, () => false);
  }
}
