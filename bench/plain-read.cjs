// What a good engineer would write by hand for this one job: stream the rows of a cursor (pg-query-stream), publish each as JSON, a window of 1000
// in flight. usage: node plain-read.cjs <amqp url> <queue> <pg config as JSON>; sends its parent the seconds from the first confirm to the last
const { connect } = require("amqplib");
const { Client } = require("pg");
const QueryStream = require("pg-query-stream");

const [url, queue, config] = process.argv.slice(2);
const WINDOW = 1000;

async function main() {
  const client = new Client(JSON.parse(config));
  await client.connect();
  const connection = await connect(url);
  const channel = await connection.createConfirmChannel();
  channel.on("return", () => fail(new Error("a message came back")));
  const options = { persistent: true, mandatory: true, contentType: "application/json" };
  let began;
  let open = 0;
  let full = false;
  let wake;
  const go = () => {
    if (full || open >= WINDOW) return;
    wake?.();
    wake = undefined;
  };
  channel.on("drain", () => {
    full = false;
    go();
  });
  for await (const row of client.query(new QueryStream("select * from bench order by id", [], { batchSize: 1000, highWaterMark: 1000 }))) {
    if (full || open >= WINDOW) await new Promise((resolve) => (wake = resolve));
    open += 1;
    full = !channel.sendToQueue(queue, Buffer.from(JSON.stringify(row)), options, (error) => {
      if (error) return fail(error);
      began ??= performance.now();
      open -= 1;
      go();
    });
  }
  await channel.waitForConfirms();
  process.send((performance.now() - began) / 1000);
  await connection.close();
  await client.end();
}

function fail(error) {
  console.error(error);
  process.exit(1);
}

main().catch(fail);
