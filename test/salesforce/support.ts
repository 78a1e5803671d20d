import { generateKeyPairSync } from "node:crypto";
import { DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, type Emulator, type EmulatorOptions, startEmulator } from "../../emulator/src/index";
import { OrgClient, type OrgSettings } from "../../nodes/salesforce/client/org";

/** The external id field of the emulator's Case. */
export const EXTERNAL_ID = "Device_Event_Id__c";

/** Settings for client credentials that the emulator takes, with back-off scaled down to milliseconds. */
export function clientCredentials(org: Emulator, settings: Partial<OrgSettings> = {}): OrgSettings {
  return {
    loginUrl: org.url,
    flow: "client-credentials",
    credentials: { clientId: DEFAULT_CLIENT_ID, clientSecret: DEFAULT_CLIENT_SECRET },
    backOff: { initial: 20, max: 100 },
    loginPace: { transient: { initial: 20, max: 100 } },
    ...settings,
  };
}

/** An RSA pair in PEM text, and another private key that does not fit. */
export function keys(): { publicKey: string; privateKey: string; wrongKey: string } {
  const make = () => generateKeyPairSync("rsa", { modulusLength: 2048 });
  const pair = make();
  const privatePem = (key: typeof pair): string => String(key.privateKey.export({ type: "pkcs8", format: "pem" }));
  return { publicKey: String(pair.publicKey.export({ type: "spki", format: "pem" })), privateKey: privatePem(pair), wrongKey: privatePem(make()) };
}

/** Requests to the token endpoint among the last 200, refused ones too. */
export function tokenRequests(org: Emulator): number {
  return org.control.stats().lastRequests.filter(({ path }) => path.startsWith("/services/oauth2/token")).length;
}

/** Collections calls the emulator has had, alone or in a composite. */
export function collectionCalls(org: Emulator): number {
  return Object.entries(org.control.stats().byKind).reduce((sum, [kind, count]) => sum + (kind.includes(" composite") ? count : 0), 0);
}

/** Starts emulators and clients for tests, and stops them all. */
export class Orgs {
  private readonly started: { stop(): Promise<void> }[] = [];

  async start(options?: EmulatorOptions): Promise<Emulator> {
    const org = await startEmulator(options);
    this.started.push(org);
    return org;
  }

  client(settings: OrgSettings): OrgClient {
    const client = new OrgClient(settings);
    this.started.unshift({ stop: () => client.close() });
    return client;
  }

  async stop(): Promise<void> {
    for (const one of this.started.splice(0)) await one.stop();
  }
}
