import type { Node, NodeAPI, NodeDef } from "node-red";
import { API_VERSION } from "../client/connection";
import type { LoginFlow, OrgCredentials } from "../client/login";
import { OrgClient } from "../client/org";
import type { OrgHolder } from "../client/org-node";

interface OrgDef extends NodeDef {
  /** `https://login.salesforce.com`, a sandbox's or My Domain. */
  loginUrl: string;
  flow: LoginFlow;
  /** Default {@link API_VERSION}. */
  apiVersion?: string;
}

type OrgNode = Node<OrgCredentials> & OrgHolder;

/** Every credential an org can have; flows that come later use the others. */
const CREDENTIALS = {
  clientId: { type: "text" },
  clientSecret: { type: "password" },
  username: { type: "text" },
  password: { type: "password" },
  securityToken: { type: "password" },
  privateKey: { type: "password" },
  refreshToken: { type: "password" },
  accessToken: { type: "password" },
} as const;

export = (RED: NodeAPI): void => {
  function SalesforceOrg(this: OrgNode, config: OrgDef): void {
    RED.nodes.createNode(this, config);
    this.client = new OrgClient({
      loginUrl: config.loginUrl ?? "",
      flow: config.flow,
      apiVersion: config.apiVersion || API_VERSION,
      credentials: this.credentials ?? {},
    });
    let trouble = false;
    this.client.onState(({ kind, error }) => {
      if (error) (kind === "failed" ? this.error : this.warn).call(this, error.toString());
      else if (trouble && kind === "connected") this.log(RED._("org.log.back"));
      trouble = error !== undefined || (trouble && kind !== "connected");
    });
    this.on("close", (done: () => void) => {
      void this.client.close().finally(done);
    });
  }

  RED.nodes.registerType("surewire-salesforce-org", SalesforceOrg as never, { credentials: CREDENTIALS });
};
