import { randomBytes } from "node:crypto";
import type { ChannelModel } from "amqplib";
import { within } from "../../common/deadline";
import type { QueueSpec } from "../client/topology";

/**
 * A queue that one node has for itself, as long as its connection lives.
 *
 * It is not of the kind that the broker deletes with its last consumer: a pause has no consumer, and would lose what waits. So it is deleted
 * here, since the connection may live on for other nodes.
 */
export class OwnQueue {
  private current = "";
  private model: ChannelModel | undefined;

  /** @param node id of the node, begins the name */
  constructor(private readonly node: string) {}

  /** Its name at present; "" before there is one. */
  get name(): string {
    return this.current;
  }

  /**
   * The queue to be made on a connection: the same as long as it is the same connection. On the next one it has another name, because the broker
   * may take the old connection for alive, and the queue on it for taken.
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
    await within(this.delete(model), 1_000).catch(() => undefined); // the connection's end takes it away too
  }

  private async delete(model: ChannelModel): Promise<void> {
    const channel = await model.createChannel();
    channel.on("error", () => undefined);
    await channel.deleteQueue(this.current);
    await channel.close();
  }
}
