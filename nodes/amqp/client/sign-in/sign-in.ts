import { credentials as sasl } from "amqplib";
import type { TokenSource } from "./token-source";

/** What one handshake sends: a SASL mechanism and its response, in amqplib's form. */
export interface SaslCredentials {
  mechanism: string;
  response(): Buffer;
}

/** A way to sign in to a broker. All connections to it share one. */
export interface SignIn {
  /** The kind of credentials, to complete the sentence "the broker refused the …". */
  readonly what: string;
  /**
   * Returns the credentials for one new connection.
   *
   * @throws ConnectorError BROKER_UNAVAILABLE or BROKER_REFUSED when there are none, for instance no token
   */
  credentials(): Promise<SaslCredentials>;
  /** To be called when the broker has refused the {@link credentials}. */
  refused(): void;
  /**
   * Calls `listener` with each new secret that open connections must be given.
   *
   * @returns a function that removes the listener
   */
  onRenewed(listener: (secret: string) => void): () => void;
  /** Ends all work in the background. */
  close(): void;
}

/** Makes a sign-in by user name and password (SASL PLAIN). Default of both: `guest`, RabbitMQ's default user, who may sign in only from the broker's own machine. */
export function passwordSignIn(username?: string, password?: string): SignIn {
  const what = username === undefined && password === undefined ? "user guest, since no user name is given" : "user name or password";
  return fixed(what, sasl.plain(username ?? "guest", password ?? "guest"));
}

/** Makes a sign-in by the client certificate of the TLS connection (SASL EXTERNAL; RabbitMQ: plugin rabbitmq_auth_mechanism_ssl). */
export function certificateSignIn(): SignIn {
  return fixed("client certificate", sasl.external());
}

/** Makes a sign-in by a token in place of the password (RabbitMQ: plugin rabbitmq_auth_backend_oauth2, which reads the user from the token). */
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
