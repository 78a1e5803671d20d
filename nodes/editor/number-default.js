/*
 * `defaults` of a number. Written into the html of each form that uses it: `defaults` are read with that html, which after an install from the
 * palette may come before the plugin's.
 */
(function () {
  "use strict";

  /** @param label shown before the reason @param limits `{value, min, max}`: what a new node has, and the bounds of a whole number */
  function numberDefault(label, limits) {
    return {
      value: limits.value,
      label: label,
      validate: function (value, options) { return surewire.check.integer(value === undefined ? limits.value : value, options, limits); },
    };
  }

  window.surewire = Object.assign(window.surewire || {}, { numberDefault });
})();
