/**
 * What PostgreSQL means where its driver tells no SQLSTATE, or one that stands for several things. The server speaks the language that its administrator has chosen, so it goes by what all
 * languages have in common: which names stand there, and in quotes.
 */

const NAME_IN_QUOTES = /["«»„“”]\s?[^"«»„“”/]+["«»„“”]/; // with a slash it is a file's
/** The server's answer to a login: how severe it is, two blanks, and why. */
const LOGIN_ANSWER = /(?:^|\]|failed: )[^\s:\]]+: {2}(.*)/;
/** A user or database that has as many connections as it may is named, too, and so is the role that the last ones are kept for, but there is room again by and by. */
const TOO_MANY = /pg_use_reserved_connections|too many|zu viele|demasiad|trop de|troppe|muitas|zbyt wiele|příliš mnoho|för många|çok fazla|слишком много|занадто багато|ბევრი|多すぎ|太多|초과/i;

/** Whether a login is refused until somebody mends something: the user, the database or the rules are named then. A server that starts, or is full, names none. */
export function refusesLogin(message: string): boolean {
  const why = LOGIN_ANSWER.exec(message)?.[1] ?? "";
  return /pg_hba\.conf/.test(why) || (NAME_IN_QUOTES.test(why) && !TOO_MANY.test(why));
}

/** Of 42501: whether a policy says no to this row, and not the server to the user. What a user may not use stands without quotes, but for settings and the like in English. */
export function refusesRow(message: string): boolean {
  return NAME_IN_QUOTES.test(message) && !/permission denied|must be /.test(message);
}

/** Of 54000: whether no change is taken before tables are vacuumed. What is too large comes with numbers, and without the database's name. */
export function waitsForVacuum(message: string): boolean {
  return /multixact/i.test(message) || (NAME_IN_QUOTES.test(message) && !/\d/.test(message.replace(NAME_IN_QUOTES, "")));
}
