/**
 * Finds out what PostgreSQL's messages mean where the driver gives no SQLSTATE, or one with several meanings. The messages are in the language that the server's
 * administrator has chosen. So this goes by what is the same in all languages: which names they contain, and whether these are in quotes.
 */

const NAME_IN_QUOTES = /["«»„“”]\s?[^"«»„“”/]+["«»„“”]/; // with a slash it is a file's
/** The server's answer to a login: the severity (`FATAL:`), two blanks, and the reason. */
const LOGIN_ANSWER = /(?:^|\]|failed: )[^\s:\]]+: {2}(.*)/;
/** Messages that also have a name in quotes, but pass by themselves: the user or the database has all its connections, or only reserved ones are left. */
const TOO_MANY = /pg_use_reserved_connections|too many|zu viele|demasiad|trop de|troppe|muitas|zbyt wiele|příliš mnoho|för många|çok fazla|слишком много|занадто багато|ბევრი|多すぎ|太多|초과/i;

/**
 * Whether a login is refused until somebody fixes something. The message then names the user, the database or pg_hba.conf; that of a server that is starting,
 * or full, does not.
 */
export function refusesLogin(message: string): boolean {
  const why = LOGIN_ANSWER.exec(message)?.[1] ?? "";
  return /pg_hba\.conf/.test(why) || (NAME_IN_QUOTES.test(why) && !TOO_MANY.test(why));
}

/**
 * For SQLSTATE 42501: whether a row policy refuses the row, and not the server the user. A message about missing privileges has no quotes, except in English
 * for settings and the like.
 */
export function refusesRow(message: string): boolean {
  return NAME_IN_QUOTES.test(message) && !/permission denied|must be /.test(message);
}

/**
 * For SQLSTATE 54000: whether the server takes no changes until tables are vacuumed. The other messages, about something too large, have numbers and not the
 * database's name.
 */
export function waitsForVacuum(message: string): boolean {
  return /multixact/i.test(message) || (NAME_IN_QUOTES.test(message) && !/\d/.test(message.replace(NAME_IN_QUOTES, "")));
}

/**
 * For SQLSTATEs 42P05 and 26000: whether a prepared statement has a name that the user's own SQL has given it, and not psqlodbc (`_PLAN…`, or none) or the query for
 * the types of values.
 */
export function namesOwnPlan(message: string): boolean {
  return NAME_IN_QUOTES.test(message) && !/_PLAN|surewire_types_/.test(message);
}
