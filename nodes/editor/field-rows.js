/* Lists that fill the fields of a Salesforce object: `[{field, value, valueType}]`. */
(function () {
  "use strict";
  const { check, list, text } = window.surewire;

  /** What is wrong with the name of a field, or true. The id is the org's. */
  function checkName(name) {
    return String(name).trim().toLowerCase() === "id" ? text("reason.id") : check.fieldName(name);
  }

  /** What is wrong with one row, or true. */
  function checkRow(row) {
    const name = checkName(row.field || "");
    return name === true ? check.value(row.value, undefined, row.valueType) : name;
  }

  /** `validate` of such a list. */
  function checkFields(rows, options) {
    return check.list(rows, options, { row: checkRow, unique: "field" });
  }

  /** For a typed input, these types, with `template` as text with `{{payload.x}}` in it. */
  function withTemplate(types) {
    return types.map(function (type) {
      return type === "template" ? { value: "template", label: text("label.template"), icon: "fa fa-font", hasValue: true } : type;
    });
  }

  /** Makes such a list. @param options as of `surewire.list`, which has its columns from here */
  function fieldList(selector, options) {
    return list(selector, Object.assign({}, options, {
      columns: [
        { name: "field", label: text("label.field"), width: "38%", required: true, check: checkName },
        { name: "value", label: text("label.value"), types: withTemplate(["msg", "str", "template", "num", "bool", "jsonata", "env", "json"]) },
      ],
    }));
  }

  window.surewire = Object.assign(window.surewire || {}, { checkFields, withTemplate, fieldList });
})();
