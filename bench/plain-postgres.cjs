// What a good engineer would write by hand for this one job: prefetch 400, batches of up to 200 in one statement, ack after commit.
// usage: node plain-postgres.cjs <amqp url> <queue> <pg config as JSON>
const { connect } = require("amqplib");
const { Pool } = require("pg");

const [url, queue, config] = process.argv.slice(2);
const BATCH = 200;
const LINGER = 20;

async function main() {
  const pool = new Pool({ ...JSON.parse(config), max: 4 });
  const connection = await connect(url);
  const channel = await connection.createChannel();
  await channel.prefetch(2 * BATCH);
  let batch = [];
  let timer;

  async function flush() {
    clearTimeout(timer);
    timer = undefined;
    const full = batch;
    batch = [];
    const values = [];
    const rows = full.map(({ content }, index) => {
      const { id, value, text } = JSON.parse(content);
      values.push(id, value, text);
      return `($${3 * index + 1}, $${3 * index + 2}, $${3 * index + 3})`;
    });
    await pool.query(`insert into bench (id, value, text) values ${rows.join(", ")}`, values);
    for (const message of full) channel.ack(message);
  }

  await channel.consume(queue, (message) => {
    batch.push(message);
    if (batch.length === BATCH) flush().catch(fail);
    else timer ??= setTimeout(() => flush().catch(fail), LINGER);
  });
}

function fail(error) {
  console.error(error);
  process.exit(1);
}

main().catch(fail);
