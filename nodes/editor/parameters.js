/* The parameters of statements and queries: `[{name, value, valueType}]`, for `:name` in their text. */
(function () {
  "use strict";
  const { check, list, text } = window.surewire;

  /** The types that a value from a message, or one written in the form, can have. */
  const VALUE_TYPES = ["msg", "str", "num", "bool", "json", "jsonata", "env", "flow", "global", "date"];

  function checkName(name) {
    return /^[A-Za-z_]\w*$/.test(name || "") ? true : text("reason.parameter-name");
  }

  function checkRow(row) {
    if (checkName(row.name) !== true) return checkName(row.name);
    return RED.validators.typedInput({ type: row.valueType }).call(null, row.value, {}) === true ? true : text("reason.parameter-value", { name: row.name });
  }

  /** The `validate` of `parameters`. */
  function checkParameters(value, options) {
    return check.list(value, options, { row: checkRow, unique: "name" });
  }

  /** Makes the list of a node's `parameters`. */
  function parameterList(node) {
    list("#node-input-parameters-list", {
      node: node,
      rows: node.parameters,
      header: true,
      add: text("label.add-parameter"),
      columns: [
        { name: "name", label: text("label.parameter"), required: true, check: checkName, width: "38%" },
        { name: "value", label: text("label.value"), types: VALUE_TYPES },
      ],
    });
  }

  window.surewire = Object.assign(window.surewire || {}, { VALUE_TYPES, checkParameters, parameterList });
})();
