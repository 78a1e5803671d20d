import { Pulse } from "../../../../nodes/amqp/client/connection/pulse";

// a process that stands still when it is told to, and tells for how long its pulse says so
const pulse = new Pulse(1_500);
process.on("message", (ms: number) => {
  if (ms > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
  process.send?.(pulse.stoodStill?.ms ?? 0);
});
process.send?.("ready");
