import type { Node, NodeAPI, NodeDef } from "node-red";
import { putOn } from "../../common/put-on";
import { closeWith, registerNode } from "../../common/node-life";
import type { Status } from "../../common/status";
import { compileTypedInput } from "../../common/typed-input";
import { wholeNumber } from "../../common/whole-number";
import { AnalyticsUploader } from "../client/requests/analytics-upload";
import { orgOf } from "../client/org-node";
import { showLane } from "../client/org-status";
import { REQUEST_PRESETS, UPLOAD_PRESET } from "../client/requests/request-presets";
import { RequestSender } from "../client/requests/request-sender";
import { RequestWorker, type RequestWorkerOptions } from "./request-worker";
import { type Compile, compileRequest, compileUpload, concurrencyOf, type RequestDef, senderOptions } from "./settings";

/** The properties that are set on the message. */
interface Answer {
  payload: unknown;
  salesforce: object;
}

type Worker = Pick<RequestWorker<unknown, Answer>, "take" | "close">;
type Listeners = Pick<RequestWorkerOptions<unknown, Answer>, "onState" | "warn">;

export = (RED: NodeAPI): void => {
  function run(node: Node, status: Status, config: NodeDef & RequestDef): void {
    const worker = makeWorker(node, config, { onState: (state) => showLane(status, state, RED._), warn: (text) => node.warn(text) });
    node.on("input", (msg, send, done) => {
      worker.take(msg, done, (answer) => send(putOn(msg, answer)));
    });
    closeWith(node, status, () => worker.close());
  }

  function makeWorker(node: Node, config: RequestDef, listeners: Listeners): Worker {
    const org = orgOf(RED.nodes.getNode(config.org), config.org);
    const compile: Compile = (value, type, label) => compileTypedInput(RED.util, node, value, type, label);
    const common = { ...listeners, org, concurrency: concurrencyOf(config) };
    if (config.preset === UPLOAD_PRESET) {
      const uploader = new AnalyticsUploader(org.rest, { wait: wholeNumber(config.datasetWait, "Wait for it", { fallback: 600_000, max: 86_400_000 }) });
      const worker = new RequestWorker({
        ...common,
        prepare: compileUpload(config, compile),
        send: async (upload): Promise<Answer> => {
          const result = await uploader.upload(upload);
          return { payload: result, salesforce: result };
        },
      });
      return {
        take: (msg, done, answered) => worker.take(msg, done, answered),
        close: () => {
          uploader.close();
          return worker.close();
        },
      };
    }
    const sender = new RequestSender(org.rest, senderOptions(config));
    const prepare = compileRequest(config, compile, org.rest.version);
    return new RequestWorker({ ...common, prepare, send: (item): Promise<Answer> => sender.send(item) });
  }

  registerNode(RED, "surewire-salesforce-request", run, {
    // The form offers the same list of presets that the tests check.
    settings: { surewireSalesforceRequestPresets: { value: REQUEST_PRESETS, exportable: true } },
  });
};
