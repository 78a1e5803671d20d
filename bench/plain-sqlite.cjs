// What a good engineer would write by hand for this one job: better-sqlite3 with WAL, prefetch 400, batches of up to 200 in one transaction, ack
// after commit. It syncs at each commit, as our node does: that is what an ack promises.
// usage: node plain-sqlite.cjs <amqp url> <queue> <file> <path of better-sqlite3>
const { connect } = require("amqplib");

const [url, queue, file, library] = process.argv.slice(2);
const Database = require(library);
const BATCH = 200;
const LINGER = 20;

async function main() {
  const database = new Database(file);
  database.pragma("journal_mode = wal");
  database.pragma("synchronous = full");
  const insert = database.prepare("insert into bench (id, value, text) values (?, ?, ?)");
  const store = database.transaction((messages) => {
    for (const { content } of messages) {
      const { id, value, text } = JSON.parse(content);
      insert.run(id, value, text);
    }
  });
  const connection = await connect(url);
  const channel = await connection.createChannel();
  await channel.prefetch(2 * BATCH);
  let batch = [];
  let timer;

  function flush() {
    clearTimeout(timer);
    timer = undefined;
    const full = batch;
    batch = [];
    store(full);
    for (const message of full) channel.ack(message);
  }

  await channel.consume(queue, (message) => {
    batch.push(message);
    if (batch.length === BATCH) flush();
    else timer ??= setTimeout(flush, LINGER);
  });
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
