/**
 * A process of its own for CometD's JavaScript library, which needs a global `window`. Does what its parent says by messages
 * (`{handshake: {url, token}}`, `{subscribe, replay}`, `{unsubscribe}`, `{disconnect: true}`), and tells what it gets (`{did, answer}`, `{event}`, `{meta}`).
 */
import { CometD } from "cometd";
import { adapt } from "cometd-nodejs-client";

adapt();
const client = new CometD();
client.websocketEnabled = false;

/** Replay values by channel, as a listener keeps them. */
const positions = {};
client.registerExtension("replay", {
  outgoing(message) {
    if (message.channel === "/meta/handshake") message.ext = { ...message.ext, replay: true };
    if (message.channel === "/meta/subscribe" && positions[message.subscription] !== undefined) {
      message.ext = { ...message.ext, replay: { [message.subscription]: positions[message.subscription] } };
    }
    return message;
  },
});
for (const channel of ["/meta/handshake", "/meta/connect", "/meta/disconnect"]) client.addListener(channel, (meta) => process.send({ meta }));

const subscriptions = {};

function receive(event) {
  positions[event.channel] = event.data.event.replayId;
  process.send({ event });
}

process.on("message", ({ handshake, subscribe, replay, unsubscribe, disconnect }) => {
  if (handshake) {
    const requestHeaders = { Authorization: `Bearer ${handshake.token}` };
    client.configure({ url: handshake.url, requestHeaders, appendMessageTypeToURL: false, backoffIncrement: 20, maxNetworkDelay: 5000 });
    client.handshake((answer) => process.send({ did: "handshake", answer }));
  }
  if (subscribe) {
    positions[subscribe] = replay;
    subscriptions[subscribe] = client.subscribe(subscribe, receive, (answer) => process.send({ did: "subscribe", answer }));
  }
  if (unsubscribe) client.unsubscribe(subscriptions[unsubscribe], (answer) => process.send({ did: "unsubscribe", answer }));
  if (disconnect) client.disconnect((answer) => process.send({ did: "disconnect", answer }));
});
process.send({ did: "start" });
