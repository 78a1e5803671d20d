import { ConnectorError, errorText } from "../../../../common/errors";
import type { StreamEvent } from "../event-stream";
import { type AvroField, type AvroType, branchesOf, isoTime, type Schema, type TimeKind, timeKindOf } from "./avro-value";
import { BITMAP_LISTS, fieldNames } from "./change-fields";
import type { ConsumerEvent } from "./protocol";
import { decimalOf, positionOf } from "./replay-id";

const HEADER = "ChangeEventHeader";

/** Which nulls of a change event were said, by the paths of their fields; of another event all were. */
type Said = Set<string> | undefined;

/** Makes of a field's Avro value what the flow gets; `undefined` leaves the field out. */
type Convert = (value: unknown, said: Said) => unknown;

/** Decodes the events of one schema into what CometD gives for the same. */
export class EventDecoder {
  private readonly convert: Convert;
  private readonly isChange: boolean;

  constructor(
    private readonly id: string,
    private readonly schema: Schema,
  ) {
    this.isChange = schema.fields?.some(({ name }) => name === HEADER) ?? false;
    this.convert = ofRecord(schema, "");
  }

  /** Bytes that do not fit the schema never will: what an id of a schema stands for does not change. */
  decode(event: ConsumerEvent): StreamEvent {
    try {
      return { ...placeOf(event, this.id), ...this.read(bytesOf(event)) };
    } catch (cause) {
      return unreadableEvent(event, this.id, this.isChange ? "change" : "event", `does not fit its schema ${this.id}: ${errorText(cause)}`);
    }
  }

  private read(bytes: Buffer): Pick<StreamEvent, "kind" | "payload" | "createdDate"> {
    const raw = this.schema.fromBuffer(bytes) as Record<string, unknown>;
    if (this.isChange) {
      const { commitTimestamp } = raw[HEADER] as { commitTimestamp?: unknown };
      return { kind: "change", payload: this.change(raw), ...(typeof commitTimestamp === "number" ? { createdDate: isoTime(commitTimestamp, "DateTime") } : {}) };
    }
    const payload = this.convert(raw, undefined) as { CreatedDate?: unknown };
    return { kind: "event", payload, ...(typeof payload.CreatedDate === "string" ? { createdDate: payload.CreatedDate } : {}) };
  }

  /** Avro has a null for each field that did not change; CometD leaves those out. */
  private change(raw: Record<string, unknown>): unknown {
    const header = { ...(raw[HEADER] as Record<string, unknown>) };
    for (const list of BITMAP_LISTS) header[list] = fieldNames(header[list], this.schema);
    const { changedFields, nulledFields } = header as { changedFields: string[]; nulledFields: string[] };
    const payload = this.convert({ ...raw, [HEADER]: null }, new Set([...changedFields, ...nulledFields])) as object;
    return { [HEADER]: header, ...payload };
  }
}

/** An event that nobody will ever read, with its bytes. @param why as the end of a sentence about it */
export function unreadableEvent(event: ConsumerEvent, schema: string, kind: StreamEvent["kind"], why: string): StreamEvent {
  const unreadable = new ConnectorError("FORMAT_INVALID", `The event ${event.event?.id ?? ""} ${why}`);
  return { ...placeOf(event, schema), kind, payload: bytesOf(event), unreadable };
}

function placeOf({ event, replay_id: replayId }: ConsumerEvent, schema: string): Pick<StreamEvent, "position" | "replayId" | "eventUuid" | "schema"> {
  const position = positionOf(replayId);
  return { position, replayId: decimalOf(position), ...(event?.id ? { eventUuid: event.id } : {}), schema };
}

function bytesOf({ event }: ConsumerEvent): Buffer {
  return event?.payload ?? Buffer.alloc(0);
}

function ofRecord({ fields = [] }: AvroType, path: string): Convert {
  const converters = fields.map((field) => ({ name: field.name, path: path + field.name, convert: ofField(field, path) }));
  return (value, said) => {
    const fieldsOf = value as Record<string, unknown>;
    const result: Record<string, unknown> = {};
    for (const { name, path: own, convert } of converters) {
      const content = fieldsOf[name];
      const ready = content === null ? (said && !said.has(own) ? undefined : null) : convert(content, said);
      if (ready !== undefined) result[name] = ready;
    }
    // of a compound field nothing has changed
    return path !== "" && said && Object.keys(result).length === 0 ? undefined : result;
  };
}

function ofField({ name, type, doc }: AvroField, path: string): Convert {
  const converters = branchesOf(type).map((branch) => ({ branch, convert: ofBranch(branch, timeKindOf(doc), `${path}${name}.`) }));
  // a union that would not tell its branches apart comes as {branch: value}
  if (type.typeName === "union:wrapped") {
    return (value, said) => {
      const [branchName, content] = Object.entries(value as Record<string, unknown>)[0] ?? [];
      return converters.find(({ branch }) => branch.branchName === branchName)?.convert(content, said) ?? content;
    };
  }
  const record = converters.find(({ branch }) => branch.typeName === "record")?.convert;
  const plain = converters.find(({ branch }) => branch.typeName !== "record")?.convert ?? ((value: unknown) => value);
  if (!record) return plain;
  return (value, said) => (typeof value === "object" && !Array.isArray(value) && !Buffer.isBuffer(value) ? record(value, said) : plain(value, said));
}

function ofBranch(type: AvroType, time: TimeKind | undefined, path: string): Convert {
  if (type.typeName === "record") return ofRecord(type, path);
  if (type.typeName === "bytes" || type.typeName === "fixed") return (value) => (value as Buffer).toString("base64");
  if (time && /long|int/.test(type.typeName)) return (value) => (typeof value === "number" ? isoTime(value, time) : value);
  return (value) => value;
}
