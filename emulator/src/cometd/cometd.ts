import { randomBytes } from "node:crypto";
import type { Request } from "../http";
import { bearerToken } from "../oauth/oauth";
import type { Session } from "../oauth/sessions";
import type { Org } from "../org";
import { accepted, ERRORS, LONG_POLLING, members, META, refused, Refusal, welcomed, type Message } from "./bayeux";
import type { CometdSession } from "./cometd-session";
import type { Exchange } from "./exchange";
import { Response } from "./response";
import type { Streams } from "./streams";
import { channelName, subscribe } from "./subscribe";
import { checkPath, readCookie, readMessages, setCookie } from "./transport";

/** An HTTP call whose messages are being answered, one after the other. */
interface Call {
  request: Request;
  exchange: Exchange;
  response: Response;
  /** Whether it has only one message. Only then a connect is held. */
  single: boolean;
}

/** The org's CometD server: Bayeux over long-polling, with the replay extension. */
export class Cometd {
  private readonly streams: Streams;

  constructor(private readonly org: Org) {
    this.streams = org.cometd;
  }

  /** Answers a call, now or later. */
  handle(request: Request, exchange: Exchange): void {
    const messages = readMessages(request);
    if ("status" in messages) return exchange.answer(messages);
    const call: Call = { request, exchange, response: new Response(exchange), single: messages.length === 1 };
    const sessions = new Set<CometdSession>();
    for (const message of messages) {
      const session = this.answer(message, call);
      if (session) sessions.add(session);
    }
    for (const session of sessions) this.streams.startClock(session);
    if (![...sessions].some(({ held }) => held?.exchange === exchange)) call.response.send();
  }

  /** Answers a message, or holds it. @returns the client's session */
  private answer(message: Message, call: Call): CometdSession | undefined {
    try {
      checkPath(call.request.path);
      return this.perform(message, call);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      call.response.answers.push(refused(message, error));
      call.response.status = error.status ?? call.response.status;
      return this.streams.find(message["clientId"]);
    }
  }

  /** Carries out a message. @throws Refusal */
  private perform(message: Message, call: Call): CometdSession | undefined {
    const { request, response } = call;
    const login = this.authenticate(request);
    const strike = this.streams.faults.strike(message);
    if (strike) {
      response.answers.push(...strike.answers);
      response.status = strike.status;
      const struck = this.streams.find(message["clientId"]);
      if (struck && strike.ends) this.streams.end(struck);
      return struck;
    }
    if (message["channel"] === META.handshake) return this.handshake(message, call, login);
    const session = this.sessionOf(message, request, login);
    switch (message["channel"]) {
      case META.connect:
        this.connect(session, message, call);
        break;
      case META.subscribe:
        response.events.push(...this.streams.add(session, subscribe(this.org, message)));
        response.answers.push(accepted(message, session.clientId));
        break;
      case META.unsubscribe:
        session.subscriptions.delete(channelName(message));
        response.answers.push(accepted(message, session.clientId));
        break;
      case META.disconnect:
        response.answers.push(accepted(message, session.clientId));
        this.streams.end(session);
        break;
      default:
        throw noService(message["channel"]);
    }
    return session;
  }

  private authenticate(request: Request): Session {
    const token = bearerToken(request.headers);
    const login = token === undefined ? undefined : this.org.sessions.findOpaque(token);
    if (!login) throw new Refusal(token === undefined ? ERRORS.unauthenticated : ERRORS.unauthorized);
    return login;
  }

  private sessionOf(message: Message, request: Request, login: Session): CometdSession {
    const { clientId } = message;
    if (typeof clientId !== "string") throw new Refusal(ERRORS.noHandshake);
    const session = this.streams.find(clientId);
    if (!session) throw new Refusal(ERRORS.unknownClient);
    const browser = readCookie(request);
    if (browser === undefined) throw new Refusal(`400::Client ${clientId} has established a session, but no BAYEUX_BROWSER cookie present`);
    if (browser !== session.browser) throw new Refusal(ERRORS.unknownClient);
    if (login.userId !== session.login.userId) throw new Refusal("400::Authenticated user id does not match the session's user id");
    this.streams.renew(session, login);
    return session;
  }

  private handshake(message: Message, { request, response }: Call, login: Session): CometdSession {
    const types = message["supportedConnectionTypes"];
    if (!Array.isArray(types)) throw invalidType(types);
    if (!types.includes(LONG_POLLING)) throw invalidType(types[0]);
    const format = members(message["ext"])["payload.format"] === "COMPACT" ? "COMPACT" : "EXPANDED";
    const known = readCookie(request);
    const browser = known ?? randomBytes(16).toString("hex");
    const session = this.streams.open(login, browser, format);
    if (known === undefined) response.headers = setCookie(browser);
    response.answers.push(welcomed(message, session.clientId));
    return session;
  }

  private connect(session: CometdSession, message: Message, { exchange, response, single }: Call): void {
    if (message["connectionType"] !== LONG_POLLING) throw invalidType(message["connectionType"]);
    // CometD ends a connect in this way when the next one arrives.
    session.release()?.exchange.answer({ status: 408, text: "Request Timeout" });
    const isFirst = !session.connected;
    session.connected = true;
    const mayHold = single && !isFirst && members(message["advice"])["timeout"] !== 0;
    if (mayHold && this.streams.mustWait(session)) return this.streams.hold(session, message, exchange);
    response.events.push(...this.streams.take(session));
    const advice = { interval: 0, timeout: this.org.settings.cometd.timeout, reconnect: "retry" };
    response.answers.push(accepted(message, session.clientId, isFirst ? { advice } : {}));
  }
}

function invalidType(type: unknown): Refusal {
  return new Refusal(`400::Invalid connection type {${typeof type === "object" ? JSON.stringify(type) : String(type)}}`);
}

/** Returns the refusal of any other channel. Clients cannot publish over CometD, only over REST. */
function noService(channel: unknown): Refusal {
  if (typeof channel !== "string") return new Refusal(ERRORS.noChannel);
  return new Refusal(channel.startsWith("/meta/") ? "404::Unknown channel" : "403:denied_by_security_policy:publish_denied");
}
