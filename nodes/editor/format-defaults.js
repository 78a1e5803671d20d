/*
 * What every node saves that reads or writes content. Such a node's html has this file as well, before its own script, for the same
 * reason as settle-defaults.js.
 */
(function () {
  "use strict";

  /** Options of the formats that have any, as nodes/format/options.ts describes them. */
  function formatOptions() {
    return { delimiter: ",", quote: '"', header: true, columns: [], encoding: "", rootElement: "root", rowElement: "row", attributePrefix: "@", arrays: [] };
  }

  /** `defaults` of `format` and `formatOptions`. Their rows in the form: `surewire.formatRows`. */
  function formatDefaults() {
    return {
      format: { value: "auto" },
      formatOptions: {
        value: formatOptions(),
        // looked up when it is asked for: the catalogue may come later
        get label() { return RED._("@surewire/node-red-connectors/surewire-editor:editor.label.format"); },
        validate: function (value, options) { return surewire.checkFormatOptions(this, value, options); },
      },
    };
  }

  window.surewire = Object.assign(window.surewire || {}, { formatDefaults, formatOptions });
})();
