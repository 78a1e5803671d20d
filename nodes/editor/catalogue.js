/*
 * The texts of one node's form, and `defaults` of its numbers and of what else is checked. Written into the html of each form, before its own script: `defaults` are read
 * with that html, which after an install from the palette may come before the plugin's.
 */
(function () {
  "use strict";

  /** @param type such as `surewire-sql-read`, which has its texts under `read` in its catalogue */
  function catalogue(type) {
    const under = "@surewire/node-red-connectors/" + type + ":" + type.split("-").pop() + ".";

    function say(key, values) {
      return RED._(under + key, values);
    }

    /** For `validate(value, options)`: a text with the property's label before it, as Node-RED words its own reasons. */
    function reason(key, options, values) {
      return (options && options.label ? options.label + ": " : "") + say(key, values);
    }

    /** `defaults` of a number. @param limits `{value, min, max, blank}`: what a new node has, and the bounds of a whole number (surewire.check.integer) */
    function number(property, limits) {
      return {
        value: limits.value,
        label: say("label." + property),
        validate: function (value, options) { return surewire.check.integer(value === undefined ? limits.value : value, options, limits); },
      };
    }

    /** `defaults` of a property with a label. @param check as the editor's `validate`, with the node as its last argument: `(value, options, node)` */
    function checked(property, value, check) {
      return {
        value: value,
        label: say("label." + property),
        validate: function (typed, options) { return check(typed, options, this); },
      };
    }

    return { say, reason, number, checked };
  }

  window.surewire = Object.assign(window.surewire || {}, { catalogue });
})();
