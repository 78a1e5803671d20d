// Loaded into a Node-RED under test by NODE_OPTIONS: on SIGWINCH, which Node-RED has no use for, it collects all garbage and logs what is left, in bytes.
process.on("SIGWINCH", () => {
  global.gc();
  console.log(`heap after collection: ${process.memoryUsage().heapUsed}`);
});
