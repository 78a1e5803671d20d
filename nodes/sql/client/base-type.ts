/**
 * SQL of PostgreSQL for the type under a domain, which may be a domain itself; any other type stands for itself.
 *
 * @param type an expression for its number in pg_type
 */
export function baseType(type: string): string {
  return (
    `(with recursive under(type, depth) as (select cast(${type} as oid), 0 union all select typbasetype, depth + 1 from under join pg_type on pg_type.oid = under.type where typbasetype <> 0) ` +
    "select type from under order by depth desc limit 1)"
  );
}
