// What a good engineer would write by hand for this one job: the CometD project's own client, with the replay extension, from the first event on.
// usage: node plain-events-cometd.cjs <org url> <access token> <api version> <channel> <count>; prints the seconds from connecting to the last event
const [url, token, version, channel, count] = process.argv.slice(2);

async function main() {
  const [{ adapt }, { CometD }] = await Promise.all([import("cometd-nodejs-client"), import("cometd")]);
  adapt();
  const client = new CometD();
  client.unregisterTransport("websocket");
  client.configure({ url: `${url}/cometd/${version}/`, requestHeaders: { Authorization: `Bearer ${token}` }, appendMessageTypeToURL: false });
  client.registerExtension("replay", {
    outgoing(message) {
      if (message.channel === "/meta/handshake") message.ext = { ...message.ext, replay: true };
      if (message.channel === "/meta/subscribe") message.ext = { ...message.ext, replay: { [channel]: -2 } };
    },
  });
  let taken = 0;
  const began = performance.now();
  client.handshake((shaken) => {
    if (!shaken.successful) throw new Error(JSON.stringify(shaken));
    client.subscribe(channel, () => {
      taken += 1;
      if (taken !== Number(count)) return;
      console.log((performance.now() - began) / 1000);
      client.disconnect(() => process.exit(0));
    });
  });
}

void main();
