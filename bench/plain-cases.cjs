// What a good engineer would write by hand for this one job: jsforce, Collections of 200 upserted by an external id, two calls under way, ack after
// the answer, prefetch 400 so that the next batch comes while the org works on the first.
// usage: node plain-cases.cjs <amqp url> <queue> <org url> <consumer key> <consumer secret>
const { connect } = require("amqplib");
const { Connection } = require("@jsforce/jsforce-node");

const [url, queue, loginUrl, clientId, clientSecret] = process.argv.slice(2);
const EXTERNAL_ID = "Device_Event_Id__c";
const BATCH = 200;
const LINGER = 50;

async function main() {
  const org = new Connection({ loginUrl, version: "66.0" });
  await org.authorize({ grant_type: "client_credentials", client_id: clientId, client_secret: clientSecret });
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
    const records = full.map(({ content }) => {
      const { id, text } = JSON.parse(content);
      return { Subject: text, Origin: "Device", [EXTERNAL_ID]: id };
    });
    const results = await org.sobject("Case").upsert(records, EXTERNAL_ID, { allOrNone: false });
    if (!results.every(({ success }) => success)) throw new Error("a case was refused");
    for (const message of full) channel.ack(message);
  }

  const flushOrEnd = () => void flush().catch(end);
  await channel.consume(queue, (message) => {
    batch.push(message);
    if (batch.length === BATCH) flushOrEnd();
    else timer ??= setTimeout(flushOrEnd, LINGER);
  });
}

function end(error) {
  console.error(error);
  process.exit(1);
}

main().catch(end);
