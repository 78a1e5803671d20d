/*
 * The texts of one node's form, and the `defaults` of its numbers and of other checked properties. The build writes this file into the html of each form, before the
 * form's own script: `defaults` are read with that html, which after an install from the palette may come before the plugin's html.
 */
(function () {
  "use strict";

  /** @param type type of the node; the texts of `surewire-sql-read`, for instance, are under `read` in its catalogue */
  function catalogue(type) {
    const under = "@surewire/node-red-connectors/" + type + ":" + type.split("-").pop() + ".";

    function say(key, values) {
      return RED._(under + key, values);
    }

    /** Returns a reason for `validate(value, options)`: a text with the property's label before it, like Node-RED's own reasons. */
    function reason(key, options, values) {
      return (options && options.label ? options.label + ": " : "") + say(key, values);
    }

    /** Returns the `defaults` of a number. @param limits `{value, min, max, blank}`: the value of a new node, and the bounds of a whole number (surewire.check.integer) */
    function number(property, limits) {
      return {
        value: limits.value,
        label: say("label." + property),
        validate: function (value, options) { return surewire.check.integer(value === undefined ? limits.value : value, options, limits); },
      };
    }

    /** Returns the `defaults` of a property with a label. @param check called like the editor's `validate`, with the node as last argument: `(value, options, node)` */
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
