/*
 * The `defaults` of the properties that set how a source settles. The build writes this file into each source's html, before the source's own script: `defaults` are
 * read with that html, which after an install from the palette may come before the plugin's html.
 */
(function () {
  "use strict";

  /** Defaults and limits of a source's numbers: times in ms, and the number of retries. */
  const NUMBERS = {
    deadline: { value: 1500000, min: 1000, max: 86400000 },
    retries: { value: 5, min: 0, max: 50 },
    retryDelay: { value: 1000, min: 1, max: 86400000 },
    retryMaxDelay: { value: 300000, min: 1, max: 86400000 },
  };

  function number(property, { value, min, max }) {
    return {
      value: value,
      // looked up only when it is read, since the catalogue may be loaded later
      get label() { return RED._("@surewire/node-red-connectors/surewire-editor:editor.label." + property); },
      validate: function (saved, options) { return surewire.check.integer(saved === undefined ? value : saved, options, { min: min, max: max }); },
    };
  }

  function deadLetterQueue() {
    return {
      value: "",
      get label() { return RED._("@surewire/node-red-connectors/surewire-editor:editor.label.deadLetterQueue"); },
      validate: function (value, options) {
        const temporary = surewire.field(this, "declare") === "temporary"; // a temporary queue gets a new name each time
        return temporary || surewire.check.otherQueue(value, options, surewire.field(this, "queue"));
      },
    };
  }

  function poisonLimit() {
    const limit = number("poisonLimit", { value: 3, min: 0, max: 100 });
    const { validate } = limit;
    limit.validate = function (value, options) { return Number(value) === 1 ? surewire.named(options, surewire.text("reason.poisonLimit")) : validate(value, options); };
    return limit;
  }

  /**
   * Returns the `defaults` of `settle`, `deadline`, `retries`, `retryDelay`, `retryMaxDelay` and, with `options.deadLetterQueue` and
   * `options.poisonLimit`, of these two. `surewire.settleRows` makes their rows in the form.
   */
  function settleDefaults(options) {
    const defaults = { settle: { value: "flow" } };
    for (const property of Object.keys(NUMBERS)) defaults[property] = number(property, NUMBERS[property]);
    if (options && options.deadLetterQueue) defaults.deadLetterQueue = deadLetterQueue();
    if (options && options.poisonLimit) defaults.poisonLimit = poisonLimit();
    return defaults;
  }

  window.surewire = Object.assign(window.surewire || {}, { settleDefaults });
})();
