/** The host that a redirect leads to, for people to read; without what follows it, which may open a session. */
export function hostOf(location: string): string {
  try {
    return new URL(location).host;
  } catch {
    return "another page"; // a path on the same host, or no address
  }
}
