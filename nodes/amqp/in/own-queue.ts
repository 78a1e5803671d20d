import { randomBytes } from "node:crypto";
import type { ChannelModel } from "amqplib";
import { within } from "../../common/deadline";
import { onOwnChannel } from "../client/connection/own-channel";
import type { QueueSpec } from "../client/topology";

/**
 * An exclusive queue of one node, which exists as long as its connection.
 *
 * It is not an auto-delete queue, since a node that pauses has no consumer, and the broker would delete the queue with the messages in it. So it is deleted here when
 * the node closes, as other nodes may keep the connection open.
 */
export class OwnQueue {
  private current = "";
  private model: ChannelModel | undefined;

  /** @param node id of the node, part of the queue's name */
  constructor(private readonly node: string) {}

  /** Its present name; "" before the first one is made. */
  get name(): string {
    return this.current;
  }

  /**
   * The queue to declare on a connection. Its name stays the same on the same connection. On the next one it has another name, because the broker may still take the
   * old connection for alive, and would refuse access to its queue.
   */
  on(model: ChannelModel, more: Record<string, unknown>): QueueSpec {
    if (this.model !== model) this.current = `surewire.${this.node}.${randomBytes(6).toString("hex")}`;
    this.model = model;
    return { name: this.current, type: "classic", exclusive: true, arguments: more };
  }

  /** Deletes it, if its connection is the open one. */
  async remove(open: ChannelModel | undefined): Promise<void> {
    const { model } = this;
    this.model = undefined;
    if (!model || model !== open) return;
    const deleted = onOwnChannel(model, (channel) => channel.deleteQueue(this.current));
    await within(deleted, 1_000).catch(() => undefined); // otherwise it goes when the connection ends
  }
}
