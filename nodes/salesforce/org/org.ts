import type { Node, NodeAPI, NodeDef } from "node-red";
import { openShared } from "../../common/config-node";
import { ConnectorError } from "../../common/errors";
import { answerForm, type FormHttpRequest, variablesOf } from "../../common/form-request";
import { isPlain } from "../../common/is-plain";
import type { OrgCredentials } from "../client/sign-in/login";
import { OrgClient, type OrgState } from "../client/org";
import type { OrgHolder } from "../client/org-node";
import { testOrg } from "../client/org-test";
import { callbackPage, PAGE_HEADERS } from "./callback-page";
import { type Caller, CALLBACK_PATH, Connect } from "./connect";
import { type FormRequest, meantCredentials, readFormRequest, type Stored } from "./form-request";
import { type OrgDef, readSettings } from "./settings";

const TYPE = "surewire-salesforce-org";
const PATH = "/surewire/salesforce-org";

type OrgNode = Node<OrgCredentials> & OrgHolder & { deployed?: Stored };

/** All credentials that an org can have, for any sign-in flow. */
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
  function SalesforceOrg(this: OrgNode, config: NodeDef & OrgDef): void {
    RED.nodes.createNode(this, config);
    const credentials = this.credentials ?? {};
    this.deployed = { loginUrl: config.loginUrl ?? "", credentials };
    const client = openShared(this, () => new OrgClient({ ...readSettings(config, credentials, RED.settings.userDir), onRefreshToken: (token) => keepRotated(this, token) }));
    if (!client) return;
    this.client = client;
    logStates(this, client);
  }

  /** Logs each error once, and its end once. Does the same when calls are slowed down. */
  function logStates(node: Node, client: OrgClient): void {
    let told: OrgState = { kind: "idle" };
    client.onState((state) => {
      const { kind, error, slowedAt } = state;
      if (slowedAt !== undefined && told.slowedAt === undefined) node.warn(RED._("org.log.slowed", { percent: slowedAt }));
      if (slowedAt === undefined && told.slowedAt !== undefined) node.log(RED._("org.log.full-speed"));
      if (error && error.message !== told.error?.message) (kind === "failed" ? node.error : node.warn).call(node, error.toString());
      else if (told.error && kind === "connected") node.log(RED._("org.log.back"));
      told = { kind, error: error ?? (kind === "connected" ? undefined : told.error), slowedAt };
    });
  }

  /** Adds a refresh token to a node's credentials. They are saved with the next deploy, whatever that changes. */
  function keep(nodeId: string, refreshToken: string): void {
    const stored = RED.nodes.getCredentials(nodeId) as object | undefined;
    void RED.nodes.addCredentials(nodeId, { ...stored, refreshToken });
  }

  function keepRotated(node: OrgNode, refreshToken: string): void {
    keep(node.id, refreshToken);
    node.warn(RED._("org.log.rotated"));
  }

  const connect = new Connect(keep);

  /** Reads the form of a request, and the credentials of its node if that is deployed. @throws ConnectorError `INPUT_INVALID` as {@link readFormRequest} */
  function readBody(request: FormHttpRequest): { form: FormRequest; deployed: Stored | undefined } {
    const body: unknown = request.body;
    const node = isPlain(body) && typeof body.id === "string" ? (RED.nodes.getNode(body.id) as unknown as OrgNode | null) : null;
    const form = readFormRequest(body, variablesOf(RED.util, node));
    return { form, deployed: node?.type === TYPE ? node.deployed : undefined };
  }

  function callerOf(request: FormHttpRequest): Caller {
    const { username } = (request as { user?: { username?: string } }).user ?? {};
    return { user: username ?? "", origin: request.get("origin"), cookies: request.get("cookie") };
  }

  RED.nodes.registerType(TYPE, SalesforceOrg as never, { credentials: CREDENTIALS });

  // `httpAdmin` is missing when the admin API is switched off
  const mayDeploy = RED.auth.needsPermission("flows.write");
  RED.httpAdmin?.post(
    `${PATH}/test`,
    mayDeploy,
    answerForm((request) => {
      const { form, deployed } = readBody(request);
      return testOrg(readSettings(form, meantCredentials(form, [connect.granted(form.id), deployed]), RED.settings.userDir));
    }),
  );
  RED.httpAdmin?.post(
    `${PATH}/connect`,
    mayDeploy,
    answerForm((request, response) => {
      const { form, deployed } = readBody(request);
      const { cookie, ...begun } = connect.begin(form, deployed, callerOf(request));
      response.append("Set-Cookie", cookie);
      return begun;
    }),
  );
  RED.httpAdmin?.get(
    `${PATH}/connect/:handle`,
    mayDeploy,
    answerForm((request) => {
      const outcome = connect.outcome(String(request.params.handle), callerOf(request).user);
      if (!outcome) throw new ConnectorError("INPUT_INVALID", "This sign-in is not known, or took too long");
      return outcome;
    }),
  );
  // This needs no permission, since the org's redirect carries no token of Node-RED. It is protected by the state and the browser's cookie.
  RED.httpAdmin?.get(CALLBACK_PATH, (request, response) => {
    void connect.finish(request.query, request.get("cookie")).then((outcome) => {
      const ok = outcome.status === "connected";
      const text = ok ? RED._("org.callback.text", { username: outcome.username }) : outcome.status === "failed" ? outcome.problem : "";
      response
        .status(ok ? 200 : 400)
        .set(PAGE_HEADERS)
        .type("html")
        .send(callbackPage(RED._(ok ? "org.callback.connected" : "org.callback.failed"), text));
    });
  });
};
