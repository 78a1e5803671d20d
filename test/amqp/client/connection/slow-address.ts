import { connect, createServer } from "node:net";

// a way to the broker at another address of this machine, in a process that can be stopped: it answers nobody then, and its backlog is soon full
const [host, port] = [process.argv[2] ?? "", Number(process.argv[3])];
const server = createServer((inner) => {
  const outer = connect(port, "127.0.0.1");
  inner.pipe(outer).on("error", () => inner.destroy());
  outer.pipe(inner).on("error", () => outer.destroy());
});
server.listen({ host, port, backlog: 1 }, () => process.send?.("ready"));
