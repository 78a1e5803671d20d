/* Lists of values for the fields of a Salesforce object: `[{field, value, valueType}]`. */
(function () {
  "use strict";
  const { check, list, text } = window.surewire;

  /** Returns true for the name of a field, else the reason. `Id` is refused, since the org sets it. */
  function checkName(name) {
    return String(name).trim().toLowerCase() === "id" ? text("reason.id") : check.fieldName(name);
  }

  /** Returns true for a good row, else the reason. */
  function checkRow(row) {
    const name = checkName(row.field || "");
    return name === true ? check.value(row.value, undefined, row.valueType) : name;
  }

  /** The `validate` of such a list. */
  function checkFields(rows, options) {
    return check.list(rows, options, { row: checkRow, unique: "field" });
  }

  /** Returns types for a typed input, where `template` is replaced by its definition: a text with `{{payload.x}}` in it. */
  function withTemplate(types) {
    return types.map(function (type) {
      return type === "template" ? { value: "template", label: text("label.template"), icon: "fa fa-font", hasValue: true } : type;
    });
  }

  /** Makes such a list. @param options as for `surewire.list`, but without `columns` */
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
