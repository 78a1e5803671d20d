import js from "@eslint/js";
import html from "eslint-plugin-html";
import globals from "globals";
import tseslint from "typescript-eslint";

const ASYNC_HANDLER = {
  selector: "CallExpression[callee.property.name=/^(on|once|addListener)$/][arguments.0.value=/^(input|close)$/] > :function[async=true]",
  message: "A rejected promise of an async handler ends Node-RED: call done(error) instead.",
};

export default tseslint.config(
  { ignores: ["**/dist/", "**/node_modules/", ".services/", ".cache/", "coverage/", "test/services/*-nodes/*.js", "bench/nodes/*.js"] },
  { linterOptions: { reportUnusedDisableDirectives: "error" } },
  js.configs.recommended,
  {
    files: ["**/*.ts"],
    extends: [...tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { project: ["./tsconfig.check.json"], tsconfigRootDir: import.meta.dirname } },
    rules: {
      "max-lines": ["error", { max: 300, skipBlankLines: true, skipComments: true }],
      "max-classes-per-file": ["error", { max: 2 }], // a second one only where it is private to the first
      "no-restricted-syntax": ["error", ASYNC_HANDLER],
      eqeqeq: "error",
      "no-control-regex": "off",
      "@typescript-eslint/consistent-type-imports": ["error", { disallowTypeAnnotations: false }],
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      // `export =` is the one form that Node-RED 4 and 5, the test helper and tsx all load
      "@typescript-eslint/no-require-imports": ["error", { allowAsImport: true }],
      // Interfaces that promise an asynchronous answer also have implementations that know it at once.
      "@typescript-eslint/require-await": "off",
      // Node-RED's callbacks and messages are typed loosely; a check that looks needless to the compiler guards against what a flow sends.
      "@typescript-eslint/no-unnecessary-condition": "off",
      "@typescript-eslint/no-unnecessary-type-parameters": "off",
      "@typescript-eslint/no-useless-default-assignment": "off",
      "@typescript-eslint/no-base-to-string": "off",
      // There are no enums here, and looking for them at each assignment takes a tenth of the time.
      "@typescript-eslint/no-unsafe-enum-assignment": "off",
      // With noUncheckedIndexedAccess an index that was just checked needs one.
      "@typescript-eslint/no-non-null-assertion": "off",
      "@typescript-eslint/no-dynamic-delete": "off",
      // Matters of taste, or noise on Node-RED's own types.
      "@typescript-eslint/no-confusing-void-expression": "off",
      "@typescript-eslint/no-extraneous-class": "off",
      "@typescript-eslint/no-meaningless-void-operator": "off",
      "@typescript-eslint/no-unnecessary-type-arguments": "off",
      "@typescript-eslint/no-unnecessary-type-assertion": "off",
      "@typescript-eslint/no-unnecessary-type-conversion": "off",
      "@typescript-eslint/no-unsafe-class-instance-assignment": "off",
      "@typescript-eslint/unbound-method": "off",
    },
  },
  {
    files: ["test/**/*.ts", "emulator/test/**/*.ts", "bench/**/*.ts"],
    rules: {
      "max-lines": ["error", { max: 450, skipBlankLines: true, skipComments: true }],
      "max-classes-per-file": "off",
      "@typescript-eslint/no-unsafe-assignment": "off",
      "@typescript-eslint/no-unsafe-member-access": "off",
      "@typescript-eslint/no-unsafe-argument": "off",
      "@typescript-eslint/no-unsafe-call": "off",
      "@typescript-eslint/no-unsafe-return": "off",
      "@typescript-eslint/no-floating-promises": ["error", { allowForKnownSafeCalls: ["it", "describe"] }],
      "no-restricted-syntax": [
        "error",
        { selector: "MemberExpression[object.name=/^(it|describe)$/][property.name=/^(only|skip)$/]", message: "Left behind: run all tests." },
      ],
    },
  },
  {
    files: ["**/*.mjs", "**/*.cjs", "emulator/bin/*.js", "bench/process-nodes/*.js"],
    languageOptions: { globals: globals.node },
    rules: { "max-lines": ["error", { max: 300, skipBlankLines: true, skipComments: true }], eqeqeq: "error" },
  },
  { files: ["emulator/bin/*.js", "bench/process-nodes/*.js"], languageOptions: { sourceType: "commonjs" } },
  {
    // handed to the browser that the smoke tests drive
    files: ["test/smoke/**/*.js"],
    languageOptions: { sourceType: "script", globals: { ...globals.browser, ...globals.jquery, RED: "readonly" } },
    rules: { "no-unused-vars": "off" },
  },
  {
    // what runs in the editor stays plain JavaScript: in the html, or written into it by the build
    files: ["nodes/**/*.html", "nodes/**/*.js"],
    plugins: { html },
    languageOptions: { sourceType: "script", globals: { ...globals.browser, ...globals.jquery, RED: "readonly", surewire: "readonly" } },
    rules: { eqeqeq: ["error", "always", { null: "ignore" }], "no-unused-vars": ["error", { args: "none" }] },
  },
);
