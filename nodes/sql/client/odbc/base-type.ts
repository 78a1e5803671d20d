/**
 * Returns an expression of PostgreSQL for the type that a domain is made of, also through domains of domains. For any other type it gives that type.
 *
 * @param type an expression for its number in pg_type
 */
export function baseType(type: string): string {
  return (
    `(with recursive under(type, depth) as (select cast(${type} as oid), 0 union all select typbasetype, depth + 1 from under join pg_type on pg_type.oid = under.type where typbasetype <> 0) ` +
    "select type from under order by depth desc limit 1)"
  );
}
