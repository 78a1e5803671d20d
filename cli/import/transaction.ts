import type { KeyName } from "./keys";
import { ImportError } from "./note";
import type { Settings } from "./settings";

/** The three kinds of work that a bridge did. */
export const TRANSACTIONS = ["select-and-send", "get-and-write", "subscribe-and-write"] as const;

export type Transaction = (typeof TRANSACTIONS)[number];

/** Returns the name of a transaction in words for the user. */
export const called = (transaction: Transaction): string => transaction.replaceAll("-", " ");

const WORDS: readonly (readonly [RegExp, Transaction])[] = [
  [/^(get|pull|fetch|ondemand)/, "get-and-write"],
  [/^(subscri|consum|listen|import|inbound|sink|receive|write|insert)|(to|2)(database|db|sql|table|jdbc|odbc)$/, "subscribe-and-write"],
  [/^(select|read|query|publish|produc|export|outbound|send|poll)|(to|2)(queue|mq|amqp|broker|exchange|rabbit|rabbitmq|messages?)$/, "select-and-send"],
];

/** Returns the transaction that a word stands for; `undefined` when it stands for none. */
export function transactionOf(text: string): Transaction | undefined {
  const word = text.toLowerCase().replace(/[^a-z0-9]/g, "");
  return WORDS.find(([pattern]) => pattern.test(word))?.[1];
}

const SOURCE: readonly KeyName[] = ["broker.source.queue", "broker.source.prefetch", "broker.source.count", "broker.source.deadLetterQueue"];
const DESTINATION: readonly KeyName[] = ["broker.destination.exchange", "broker.destination.routingKey", "broker.destination.queue"];
const READS: readonly KeyName[] = ["database.afterRead", "database.watermarkColumn", "database.pollInterval", "database.cron"];
const WRITES: readonly KeyName[] = ["database.writeMode"];

/**
 * Returns the transaction of a file: the one that its key names, else the one that the other keys point to.
 *
 * @param statements whether the file has statements that read, and statements that write
 * @throws ImportError when the keys do not tell which one it is
 */
export function tellTransaction(settings: Settings, statements: { reads: boolean; writes: boolean }): Transaction {
  const word = settings.text("transaction");
  const said = word === undefined ? undefined : transactionOf(word);
  if (said) return said;
  if (word !== undefined) settings.note("transaction", "none of select-and-send, get-and-write and subscribe-and-write: told by what else is there");
  const explicit = (names: readonly KeyName[]): boolean => names.some((name) => settings.has(name) && settings.isExplicit(name));
  // statements are the surest sign; the other keys are looked at only where statements decide nothing
  const signs: [reads: boolean, writes: boolean][] = [
    [statements.reads, statements.writes],
    [explicit(DESTINATION), explicit(SOURCE)],
    [explicit(READS), explicit(WRITES)],
  ];
  const [reads] = signs.find(([one, other]) => one !== other) ?? [];
  if (reads === undefined) {
    throw new ImportError(`cannot tell the transaction: add "transaction" to the file, or --transaction to the command: ${TRANSACTIONS.join(", ")}`);
  }
  if (reads) return "select-and-send";
  if (settings.has("broker.source.count") && settings.isExplicit("broker.source.count")) return "get-and-write";
  settings.note("transaction", "taken for subscribe and write; where messages are fetched on demand, say --transaction get-and-write");
  return "subscribe-and-write";
}
