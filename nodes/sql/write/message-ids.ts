import { createHash } from "node:crypto";
import { BoundedMap } from "../../common/bounded-map";
import { ConnectorError } from "../../common/errors";
import { type TypedValue, whenReady } from "../../common/typed-input";
import type { InboxOptions } from "../client/protocol";

/** Ids that an inbox keeps as they are, since every database compares them in the same way. Of others it keeps the hash. */
const PLAIN = /^[!-~]{1,200}$/;
/** How many ids are remembered with their deliveries. */
const MOST_REMEMBERED = 5000;

/** A message's id, and the delivery it came with. */
export interface MessageId {
  id: string;
  delivery: string | undefined;
}

/** Dedupe: finds the ids of messages, and tells a message that was delivered again from two messages of one delivery with the same id. */
export class MessageIds {
  private readonly stored = new BoundedMap<string, string>(MOST_REMEMBERED);
  /** How many messages of one id and delivery are being written. */
  private readonly writing = new Map<string, number>();

  /**
   * @param value gives the id of a message
   * @param label what errors call the place of the id
   */
  constructor(
    private readonly value: TypedValue,
    private readonly label: string,
    readonly inbox: InboxOptions,
  ) {}

  /** @throws ConnectorError `INPUT_INVALID` when the message has no id */
  of(msg: object): MessageId | Promise<MessageId> {
    const delivery = (msg as { delivery?: { id?: unknown } }).delivery?.id;
    const build = (value: unknown): MessageId => ({ id: this.text(value), delivery: typeof delivery === "string" ? delivery : undefined });
    return whenReady(this.value(msg), build);
  }

  /** Counts messages as being written until `judged` has ended: the outcome of the second of two may come before that of the first. */
  async during<T>(ids: readonly (MessageId | undefined)[], judged: () => Promise<T>): Promise<T> {
    this.count(ids, 1);
    try {
      return await judged();
    } finally {
      this.count(ids, -1);
    }
  }

  /**
   * Takes note of what was stored or found to be a duplicate.
   *
   * @returns an error when it is no duplicate but a second message of one delivery with the same id: the parts of a split message have the
   *   id of the whole, and all but the first would be dropped
   */
  judge(message: MessageId, duplicate: boolean): ConnectorError | undefined {
    const { id, delivery } = message;
    if (delivery === undefined) return undefined;
    if (duplicate) return this.stored.get(id) === delivery || (this.writing.get(nameOf(message)) ?? 0) > 1 ? this.ambiguous() : undefined;
    this.stored.set(id, delivery);
    return undefined;
  }

  private count(ids: readonly (MessageId | undefined)[], step: 1 | -1): void {
    for (const message of ids) {
      if (message?.delivery === undefined) continue;
      const name = nameOf(message);
      const count = (this.writing.get(name) ?? 0) + step;
      if (count > 0) this.writing.set(name, count);
      else this.writing.delete(name);
    }
  }

  private text(value: unknown): string {
    const text = typeof value === "string" || typeof value === "number" || typeof value === "bigint" ? String(value) : "";
    if (text === "") {
      throw new ConnectorError("INPUT_INVALID", `The message has no id in ${this.label}: its sender must set one, or "Message id" must name where it stands`, {
        details: { name: this.label },
      });
    }
    return PLAIN.test(text) ? text : `sha256:${createHash("sha256").update(text).digest("hex")}`;
  }

  private ambiguous(): ConnectorError {
    return new ConnectorError(
      "INPUT_INVALID",
      `Two messages of one delivery have the same id in ${this.label}: make "Message id" tell parts of a message apart, for example with msg.parts.index`,
      { details: { name: this.label } },
    );
  }
}

function nameOf({ id, delivery }: MessageId): string {
  return `${delivery} ${id}`;
}
