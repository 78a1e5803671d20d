// What a good engineer would write by hand for this one job: the client that most use for the Pub/Sub API from Node, asking for 100 events at a time.
// usage: node plain-events-pubsub.cjs <org url> <access token> <org id> <endpoint> <channel> <count>; prints the seconds from connecting to the last event
const [instanceUrl, accessToken, organizationId, pubSubEndpoint, channel, count] = process.argv.slice(2);

async function main() {
  const { default: PubSubApiClient } = await import("salesforce-pubsub-api-client");
  const quiet = { debug() {}, info() {}, warn: console.error, error: console.error };
  const client = new PubSubApiClient({ authType: "user-supplied", accessToken, instanceUrl, organizationId, pubSubEndpoint, rejectUnauthorizedSsl: false }, quiet);
  const began = performance.now();
  await client.connect();
  let taken = 0;
  await client.subscribeFromEarliestEvent(channel, (_subscription, kind) => {
    if (kind !== "event") return;
    taken += 1;
    if (taken !== Number(count)) return;
    console.log((performance.now() - began) / 1000);
    client.close();
    process.exit(0);
  });
}

void main();
