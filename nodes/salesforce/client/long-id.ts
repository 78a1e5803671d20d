const CHECK_CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";

/** Lengthens an id of 15 characters to 18: each of the three characters added tells which of five are capitals. An id of 18 stays as it is. */
export function longId(id: string): string {
  if (id.length !== 15) return id;
  const checks = [0, 5, 10].map((start) => {
    const capitals = [0, 1, 2, 3, 4].reduce((bits, place) => bits | (/[A-Z]/.test(id.charAt(start + place)) ? 1 << place : 0), 0);
    return CHECK_CHARACTERS[capitals];
  });
  return id + checks.join("");
}
