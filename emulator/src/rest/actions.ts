import { ApiError, notFound } from "../api-error";
import type { ActionDeclaration } from "../declared";
import type { Reply } from "../http";
import { allow, type Call } from "./call";
import { jsonObject } from "./json-body";

const CUSTOM_KINDS = ["flow", "apex", "quickAction"] as const;

/** Answers `/actions`, with `standard/<name>` and `custom/<kind>/<name>` as declared. */
export function actions(call: Call): Reply {
  const [, family, second, third] = call.segments;
  const url = `${call.base}/actions`;
  if (family === undefined) {
    allow(call, "GET");
    return { status: 200, json: { custom: `${url}/custom`, standard: `${url}/standard` } };
  }
  if (family === "standard" && call.segments.length <= 3) return ofKind(call, "standard", `${url}/standard`, second);
  if (family !== "custom" || call.segments.length > 4) throw notFound();
  if (second === undefined) {
    allow(call, "GET");
    return { status: 200, json: Object.fromEntries(CUSTOM_KINDS.map((kind) => [kind, `${url}/custom/${kind}`])) };
  }
  const kind = CUSTOM_KINDS.find((name) => name === second);
  if (!kind) throw notFound();
  return ofKind(call, kind, `${url}/custom/${kind}`, third);
}

function ofKind(call: Call, kind: ActionDeclaration["kind"], url: string, name: string | undefined): Reply {
  const declared = call.org.declared.actions.filter((action) => action.kind === kind);
  if (name === undefined) {
    allow(call, "GET");
    const list = declared.map((action) => ({ label: action.name, name: action.name, type: kind.toUpperCase(), url: `${url}/${action.name}` }));
    return { status: 200, json: { actions: list } };
  }
  const action = declared.find((one) => one.name === name);
  if (!action) throw notFound();
  allow(call, "GET", "POST");
  return call.request.method === "POST" ? invoke(call, action) : { status: 200, json: describe(action) };
}

function describe({ kind, name, required = [], outputs = {} }: ActionDeclaration): object {
  const inputs = required.map((input) => ({ name: input, required: true, type: "STRING" }));
  return { name, label: name, type: kind.toUpperCase(), inputs, outputs: Object.keys(outputs).map((output) => ({ name: output })) };
}

/** Answers with one result for each input. The HTTP status is 400 if one of them has failed. */
function invoke(call: Call, { kind, name, required = [], outputs = {} }: ActionDeclaration): Reply {
  const { inputs } = jsonObject(call.request);
  if (!Array.isArray(inputs) || inputs.length === 0) throw new ApiError("JSON_PARSER_ERROR", "The inputs parameter is required");
  const status = kind === "flow" ? { Flow__InterviewStatus: "Finished" } : {};
  const results = inputs.map((input: Record<string, unknown> | null) => {
    const missing = required.find((field) => (input?.[field] ?? null) === null);
    if (missing === undefined) return { actionName: name, errors: null, isSuccess: true, outputValues: { ...status, ...outputs } };
    const message = `Missing required input parameter: ${missing}`;
    return { actionName: name, errors: [{ statusCode: "MISSING_ARGUMENT", message, fields: [] }], isSuccess: false, outputValues: null };
  });
  return { status: results.every(({ isSuccess }) => isSuccess) ? 200 : 400, json: results };
}
