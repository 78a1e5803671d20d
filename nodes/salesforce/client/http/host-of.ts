/** The host that a redirect leads to, for texts. Without the path and query, which may hold a key to a session. */
export function hostOf(location: string): string {
  try {
    return new URL(location).host;
  } catch {
    return "another page"; // a path on the same host, or no address
  }
}
