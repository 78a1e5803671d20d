// Loaded into a Node-RED under test by NODE_OPTIONS. On SIGWINCH, which Node-RED does not use, collects all garbage and logs how many bytes of the heap are left.
process.on("SIGWINCH", () => {
  global.gc();
  console.log(`heap after collection: ${process.memoryUsage().heapUsed}`);
});
