// What a good engineer would write by hand to publish with confirms: a window of messages in flight, persistent, mandatory, one callback each.
// usage: node plain-publish.cjs <amqp url> <queue> <count>; sends its parent the seconds it took
const { connect } = require("amqplib");

const [url, queue, count] = process.argv.slice(2);
const COUNT = Number(count);
const WINDOW = 1000;

const message = (value) => {
  const bare = { id: `m${value}`, value, text: "" };
  return { ...bare, text: "x".repeat(300 - JSON.stringify(bare).length) };
};

async function main() {
  const connection = await connect(url);
  const channel = await connection.createConfirmChannel();
  channel.on("return", () => fail(new Error("a message came back")));
  const options = { persistent: true, mandatory: true, contentType: "application/json" };
  await new Promise((resolve, reject) => channel.sendToQueue(queue, Buffer.from("{}"), options, (error) => (error ? reject(error) : resolve())));

  const began = performance.now();
  await new Promise((resolve, reject) => {
    let sent = 0;
    let confirmed = 0;
    let full = false;
    const fill = () => {
      while (!full && sent < COUNT && sent - confirmed < WINDOW) {
        sent += 1;
        full = !channel.sendToQueue(queue, Buffer.from(JSON.stringify(message(sent))), options, (error) => {
          if (error) return reject(error);
          confirmed += 1;
          if (confirmed === COUNT) resolve();
          else fill();
        });
      }
    };
    channel.on("drain", () => {
      full = false;
      fill();
    });
    fill();
  });
  process.send((performance.now() - began) / 1000);
  await connection.close();
}

function fail(error) {
  console.error(error);
  process.exit(1);
}

main().catch(fail);
