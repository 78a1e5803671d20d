/*
 * The `defaults` of every node that reads or writes content. The build writes this file into the html of such a node, before the node's own script. The reason is the
 * same as for settle-defaults.js.
 */
(function () {
  "use strict";

  /** Returns the options of all formats with their default values. nodes/format/options.ts describes them. */
  function formatOptions() {
    return { delimiter: ",", quote: '"', header: true, columns: [], encoding: "", rootElement: "root", rowElement: "row", attributePrefix: "@", arrays: [] };
  }

  /** Returns the `defaults` of `format` and `formatOptions`. `surewire.formatRows` makes their rows in the form. */
  function formatDefaults() {
    return {
      format: { value: "auto" },
      formatOptions: {
        value: formatOptions(),
        // looked up only when it is read, since the catalogue may be loaded later
        get label() { return RED._("@surewire/node-red-connectors/surewire-editor:editor.label.format"); },
        validate: function (value, options) { return surewire.checkFormatOptions(this, value, options); },
      },
    };
  }

  window.surewire = Object.assign(window.surewire || {}, { formatDefaults, formatOptions });
})();
