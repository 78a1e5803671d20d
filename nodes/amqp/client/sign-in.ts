import { credentials as sasl } from "amqplib";
import type { TokenSource } from "./token-source";

/** What one handshake sends: a SASL mechanism and its response, as amqplib wants them. */
export interface SaslCredentials {
  mechanism: string;
  response(): Buffer;
}

/** How a broker is told who we are. One for all connections to it. */
export interface SignIn {
  /** For the sentence "the broker refused the …". */
  readonly what: string;
  /**
   * For one new connection.
   *
   * @throws ConnectorError BROKER_UNAVAILABLE or BROKER_REFUSED when they cannot be had
   */
  credentials(): Promise<SaslCredentials>;
  /** The broker has refused what {@link credentials} gave. */
  refused(): void;
  /**
   * Calls back with each new secret that open connections are to be given.
   *
   * @returns a function that ends it
   */
  onRenewed(listener: (secret: string) => void): () => void;
  /** Ends what runs in the background. */
  close(): void;
}

/** By user name and password (SASL PLAIN). With neither as RabbitMQ's default user, who may sign in from its own machine only. */
export function passwordSignIn(username?: string, password?: string): SignIn {
  const what = username === undefined && password === undefined ? "user guest, since no user name is given" : "user name or password";
  return fixed(what, sasl.plain(username ?? "guest", password ?? "guest"));
}

/** By the client certificate of the TLS connection (SASL EXTERNAL; RabbitMQ: plugin rabbitmq_auth_mechanism_ssl). */
export function certificateSignIn(): SignIn {
  return fixed("client certificate", sasl.external());
}

/** By a token in the password's place (RabbitMQ: plugin rabbitmq_auth_backend_oauth2, which reads the user out of the token). */
export function tokenSignIn(tokens: TokenSource, username = ""): SignIn {
  return {
    what: "token",
    credentials: async () => sasl.plain(username, await tokens.get()),
    refused: () => tokens.forget(),
    onRenewed: (listener) => tokens.onRenewed(listener),
    close: () => tokens.close(),
  };
}

function fixed(what: string, credentials: SaslCredentials): SignIn {
  return {
    what,
    credentials: () => Promise.resolve(credentials),
    refused: () => undefined,
    onRenewed: () => () => undefined,
    close: () => undefined,
  };
}
