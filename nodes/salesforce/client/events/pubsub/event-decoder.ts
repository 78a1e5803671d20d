import { ConnectorError, errorText } from "../../../../common/errors";
import type { StreamEvent } from "../event-stream";
import { type AvroField, type AvroType, branchesOf, isoTime, type Schema, type TimeKind, timeKindOf } from "./avro-value";
import { BITMAP_LISTS, fieldNames } from "./change-fields";
import type { ConsumerEvent } from "./protocol";
import { decimalOf, positionOf } from "./replay-id";

const HEADER = "ChangeEventHeader";

/**
 * Paths of the fields that a change event says have changed: their nulls are values, while the nulls of other fields mean "not changed". `undefined` for
 * other events, where all nulls are values.
 */
type Said = Set<string> | undefined;

/** Converts a field's Avro value to what the flow gets; `undefined` leaves the field out. */
type Convert = (value: unknown, said: Said) => unknown;

/** Decodes the events of one schema to what CometD gives for the same events. */
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

  /** Decodes an event. One whose bytes do not fit the schema is marked as unreadable for good: the schema of an id never changes. */
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

  /** The payload of a change event. In Avro, each field that did not change is null; CometD leaves those fields out. */
  private change(raw: Record<string, unknown>): unknown {
    const header = { ...(raw[HEADER] as Record<string, unknown>) };
    for (const list of BITMAP_LISTS) header[list] = fieldNames(header[list], this.schema);
    const { changedFields, nulledFields } = header as { changedFields: string[]; nulledFields: string[] };
    const payload = this.convert({ ...raw, [HEADER]: null }, new Set([...changedFields, ...nulledFields])) as object;
    return { [HEADER]: header, ...payload };
  }
}

/** An event whose content can never be read; its payload is its bytes. @param why end of a sentence that begins with "The event <id>" */
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
    // leaves out a compound field of which no part has changed
    return path !== "" && said && Object.keys(result).length === 0 ? undefined : result;
  };
}

function ofField({ name, type, doc }: AvroField, path: string): Convert {
  const converters = branchesOf(type).map((branch) => ({ branch, convert: ofBranch(branch, timeKindOf(doc), `${path}${name}.`) }));
  // avsc gives a union whose branches it could not tell apart by their values as {branch: value}
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
