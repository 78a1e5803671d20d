/* Shared by the buttons of config nodes that let the runtime test the settings in the form. */
(function () {
  "use strict";
  const { text } = window.surewire;

  /** The values of the fields of a form. For a secret that was not touched this is the placeholder of the editor; the runtime has the secret. */
  function formValues(node, properties, credentials) {
    const values = { id: node.id, credentials: {} };
    function read(name) {
      const value = $("#node-config-input-" + name).val();
      return value === "_ADD_" ? "" : value;
    }
    properties.forEach(function (name) { values[name] = read(name); });
    credentials.forEach(function (name) { values.credentials[name] = read(name); });
    return values;
  }

  /** Asks an endpoint of ours: with `values` by POST, without by GET. */
  function ask(path, values) {
    const options = values ? { method: "POST", contentType: "application/json", data: JSON.stringify(values) } : { method: "GET" };
    return $.ajax(Object.assign({ url: "surewire/" + path, timeout: 60000 }, options));
  }

  /** A text that tells why a request has failed. */
  function failure(request) {
    const said = request.responseJSON && request.responseJSON.message;
    return said || text(request.status === 401 || request.status === 403 ? "test.not-allowed" : "test.no-answer");
  }

  /** One thing that was found out, good or bad. @param content text, or an element */
  function finding(ok, content) {
    const icon = $("<i/>", { class: "fa " + (ok ? "fa-check-circle" : "fa-exclamation-triangle"), "aria-hidden": "true" });
    return $("<div/>", { class: "surewire-finding" }).append(icon, typeof content === "string" ? $("<span/>").text(content) : content);
  }

  /**
   * Makes the button `#surewire-<name>-test` try out what stands in the form, and show in `#surewire-<name>-test-result` what comes of it.
   *
   * @param options `path` of the endpoint; `values()`: what it is sent; `show(answer)`: the findings
   */
  function testButton(name, options) {
    const button = $("#surewire-" + name + "-test");
    const result = $("#surewire-" + name + "-test-result");
    button.on("click", function () {
      button.prop("disabled", true);
      result.text(text("test.running"));
      ask(options.path, options.values())
        .done(function (answer) { result.empty().append(options.show(answer)); })
        .fail(function (request) { result.empty().append(finding(false, failure(request))); })
        .always(function () {
          const left = document.activeElement === document.body; // a disabled button loses the focus
          button.prop("disabled", false);
          if (left) button.trigger("focus");
        });
    });
  }

  window.surewire = Object.assign(window.surewire || {}, { formValues, ask, failure, finding, testButton });
})();
