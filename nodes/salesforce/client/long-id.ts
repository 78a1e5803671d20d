const CHECK_CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";

/** An id of 15 characters with the three behind it that tell its capitals, five characters to each; one of 18 as it is. */
export function longId(id: string): string {
  if (id.length !== 15) return id;
  const checks = [0, 5, 10].map((start) => {
    const capitals = [0, 1, 2, 3, 4].reduce((bits, place) => bits | (/[A-Z]/.test(id.charAt(start + place)) ? 1 << place : 0), 0);
    return CHECK_CHARACTERS[capitals];
  });
  return id + checks.join("");
}
