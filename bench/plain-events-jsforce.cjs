// What most write by hand for this one job: jsforce's streaming client, which is Faye, with its replay extension, from the first event on.
// usage: node plain-events-jsforce.cjs <org url> <access token> <api version> <channel> <count>; prints the seconds from connecting to the last event
const { Connection } = require("@jsforce/jsforce-node");
const { StreamingExtension } = require("@jsforce/jsforce-node/lib/api/streaming");

const [instanceUrl, accessToken, version, channel, count] = process.argv.slice(2);
const began = performance.now();
const org = new Connection({ instanceUrl, accessToken, version });
const client = org.streaming.createClient([new StreamingExtension.Replay(channel, -2)]);
let taken = 0;
client.subscribe(channel, () => {
  taken += 1;
  if (taken !== Number(count)) return;
  console.log((performance.now() - began) / 1000);
  process.exit(0);
});
