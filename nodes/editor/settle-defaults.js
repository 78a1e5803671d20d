/*
 * The `defaults` by which every source saves how it settles. Each source's html has this file as well, before its own script: `defaults` are read
 * with that html, which after an install from the palette may come before the plugin's.
 */
(function () {
  "use strict";

  /** Defaults and limits of the source's numbers: ms, and a count of retries. */
  const NUMBERS = {
    deadline: { value: 1500000, min: 1000, max: 86400000 },
    retries: { value: 5, min: 0, max: 50 },
    retryDelay: { value: 1000, min: 1, max: 86400000 },
    retryMaxDelay: { value: 300000, min: 1, max: 86400000 },
  };

  function number(property, { value, min, max }) {
    return {
      value: value,
      // looked up when it is asked for: the catalogue, too, may come later
      get label() { return RED._("@surewire/node-red-connectors/surewire-editor:editor.label." + property); },
      validate: function (saved, options) { return surewire.check.integer(saved === undefined ? value : saved, options, { min: min, max: max }); },
    };
  }

  function deadLetterQueue() {
    return {
      value: "",
      get label() { return RED._("@surewire/node-red-connectors/surewire-editor:editor.label.deadLetterQueue"); },
      validate: function (value, options) {
        const temporary = surewire.field(this, "declare") === "temporary"; // its name is another one each time
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
   * `defaults` of `settle`, `deadline`, `retries`, `retryDelay`, `retryMaxDelay` and, with `options.deadLetterQueue` and
   * `options.poisonLimit`, of these. Their rows in the form: `surewire.settleRows`.
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
