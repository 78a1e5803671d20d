import { ConnectorError } from "../../../nodes/common/errors";
import { Sink, type ItemResult, type SinkOptions } from "../../../nodes/delivery/sink/sink";
import { DeliverySource } from "../../../nodes/delivery/source";
import type { Settlement } from "../../../nodes/delivery/outcome";
import { waitFor } from "../../services/wait";

export const ok: ItemResult<string> = { ok: true, value: "stored" };
export const failed = (error: ConnectorError): ItemResult<string> => ({ ok: false, error });
export const away = new ConnectorError("DATABASE_UNAVAILABLE", "database is away");
export const busy = new ConnectorError("DATABASE_BUSY", "deadlock");
export const refused = new ConnectorError("ROW_REFUSED", "null in a column that takes none");

export interface Taken {
  outcomes: (string | undefined)[];
  take(...values: number[]): void;
  settled(count: number): Promise<unknown>;
}

/** A sink and what it said of each value, by index: `stored`, or the code of the error. */
export function sinkOf(options: Partial<SinkOptions<number, string>> & Pick<SinkOptions<number, string>, "write">): { sink: Sink<number, string> } & Taken {
  const warnings: string[] = [];
  const sink = new Sink<number, string>({ batchSize: 10, linger: 0, warn: (text) => warnings.push(text), ...options });
  const outcomes: (string | undefined)[] = [];
  const take = (...values: number[]): void => {
    for (const value of values) {
      const index = outcomes.push(undefined) - 1;
      const done = (error?: Error): void => void (outcomes[index] ??= error ? (error as ConnectorError).code : "done");
      sink.take({}, value, done, (result) => (outcomes[index] = result));
    }
  };
  const settled = (count: number): Promise<unknown> => waitFor(`${count} outcomes`, () => outcomes.filter(Boolean).length >= count);
  return { sink, outcomes, take, settled };
}

/** A source whose deliveries a settle node would settle. */
export function sourceOf(id: string, settlements: Settlement[] = [], deadline = 60_000): DeliverySource<number> {
  return new DeliverySource<number>({
    id,
    runtime: { log: { addHandler() {}, removeHandler() {} }, events: { on() {}, prependListener() {}, removeListener() {} }, nodes: { getNode: () => undefined } },
    settle: "node",
    deadline,
    retries: 0,
    retryDelay: 1,
    retryMaxDelay: 1,
    onSettle: (_delivery, settlement) => settlements.push(settlement),
    onHold: () => undefined,
    onResume: () => undefined,
    warn: () => undefined,
  });
}
