import type { ConnectorError } from "../../../../../nodes/common/errors";
import type { StartPoint, Subscription } from "../../../../../nodes/salesforce/client/events/event-stream";
import type { StreamOptions, StreamOrg } from "../../../../../nodes/salesforce/client/events/org-streams";
import { PubsubTransport } from "../../../../../nodes/salesforce/client/events/pubsub/pubsub-transport";
import type { Session } from "../../../../../nodes/salesforce/client/sign-in/login";
import { waitFor as waitUntil } from "../../../../services/wait";
import { Recorder } from "../cometd/support";
import { FakePubsub } from "./fake-pubsub";

export const SCHEMA = {
  type: "record", name: "Low_Ink__e", namespace: "com.sforce.eventbus",
  fields: [
    { name: "CreatedDate", type: "long", doc: "CreatedDate:DateTime" },
    { name: "CreatedById", type: "string", doc: "CreatedBy:EntityId" },
    { name: "Text__c", type: ["null", "string"], doc: "Data:Text:00N000000000001", default: null },
  ],
};
/** One that avsc has no type for. */
const ODD = { type: "riddle" };
export const CHANNEL = "/event/Low_Ink__e";
export const event = (text: string): object => ({ CreatedDate: 1_700_000_000_000, CreatedById: "005000000000001AAA", Text__c: text });
const fast = { initial: 5, max: 20 };
export const waitFor = (what: string, condition: () => boolean): Promise<boolean> => waitUntil(what, condition, { interval: 2 });

/** An org whose token can be renewed. */
class TestOrg {
  renewals = 0;
  current: Session = { accessToken: "token-0", instanceUrl: "https://acme.my.salesforce.com", orgId: "00D000000000AbC", userId: "005000000000001" };
  failure: ConnectorError | undefined;
  readonly told: ConnectorError[] = [];

  openSession(): Promise<Session> {
    return this.failure ? Promise.reject(this.failure) : Promise.resolve(this.current);
  }

  renewSession(stale: Session): Promise<Session> {
    if (stale === this.current) {
      this.renewals += 1;
      this.current = { ...this.current, accessToken: `token-${this.renewals}` };
    }
    return Promise.resolve(this.current);
  }

  untilReady(error: ConnectorError): Promise<void> {
    this.told.push(error);
    this.failure = undefined;
    return new Promise((resolve) => setImmediate(resolve));
  }
}

export const range = (from: number, count: number): string[] => Array.from({ length: count }, (_, index) => `e${from + index}`);

/** A Pub/Sub API that does as it is told, an org, and one who listens: new ones for each test. */
export class PubsubSuite {
  server!: FakePubsub;
  org!: TestOrg;
  transport!: PubsubTransport;
  inbox!: Recorder;

  /** Called within a `describe`. */
  constructor() {
    beforeEach(async () => {
      this.server = await new FakePubsub({ s1: SCHEMA, odd: ODD, s2: { ...SCHEMA, fields: [...SCHEMA.fields, { name: "More__c", type: ["null", "string"], default: null }] } }).start();
      this.org = new TestOrg();
      this.inbox = new Recorder();
      this.transport = this.connect();
    });
    afterEach(async () => {
      await this.transport.close();
      this.server.stop();
    });
  }

  connect(options: StreamOptions = {}): PubsubTransport {
    return new PubsubTransport(this.org as unknown as StreamOrg, { pubsubEndpoint: this.server.endpoint, backOff: fast, refused: fast, limited: fast, ...options });
  }

  subscribe(start: StartPoint = { from: "all" }): Subscription {
    return this.transport.subscribe(CHANNEL, start, this.inbox);
  }

  publish(from: number, count: number): void {
    for (let id = from; id < from + count; id += 1) this.server.publish(id, "s1", event(`e${id}`));
  }
}
