/** Returns the unhandled rejections that `work` leaves behind. Each of them would end Node-RED. */
export async function rejectionsLeftBy(work: () => unknown): Promise<string[]> {
  const left: string[] = [];
  const note = (error: unknown): void => void left.push(String(error));
  const others = process.listeners("unhandledRejection");
  process.removeAllListeners("unhandledRejection");
  process.on("unhandledRejection", note);
  try {
    await work();
    await new Promise((resolve) => setImmediate(resolve)); // they are reported at the end of a turn
    return left;
  } finally {
    process.off("unhandledRejection", note);
    for (const other of others) process.on("unhandledRejection", other);
  }
}
