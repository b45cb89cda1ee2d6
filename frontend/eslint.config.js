/** What the linter holds the frontend to: strict types, hooks, accessibility, and who may import whom. */
import js from "@eslint/js";
import a11y from "eslint-plugin-jsx-a11y";
import hooks from "eslint-plugin-react-hooks";
import globals from "globals";
import tseslint from "typescript-eslint";

/** Features are entered by their index only; the network belongs to src/api. */
const FEATURES = ["live-map", "trips", "operations"];

const othersInside = (own) =>
  FEATURES.filter((name) => name !== own).map((name) => ({
    group: [`**/${name}/*`, `!**/${name}/index`],
    message: `Import ${name} through its index.ts.`,
  }));

const network = ["fetch", "WebSocket", "EventSource", "XMLHttpRequest"].map((name) => ({
  name,
  message: "Only src/api talks to the network.",
}));

export default tseslint.config(
  { ignores: ["node_modules/", "src/api/generated/"] },
  js.configs.recommended,
  {
    files: ["**/*.{ts,tsx}"],
    extends: [...tseslint.configs.strictTypeChecked, ...tseslint.configs.stylisticTypeChecked],
    languageOptions: {
      globals: globals.browser,
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      // `() => void something()` and `onClick={() => setOpen(true)}` are how React is written.
      "@typescript-eslint/no-confusing-void-expression": [
        "error",
        { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true },
      ],
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/switch-exhaustiveness-check": "error",
      complexity: ["error", 14],
      eqeqeq: ["error", "always", { null: "ignore" }],
      "max-lines": ["error", 400],
      "no-console": ["error", { allow: ["warn", "error"] }],
    },
  },
  {
    files: ["src/**/*.{ts,tsx}"],
    extends: [hooks.configs.flat.recommended, a11y.flatConfigs.recommended],
    rules: {
      "no-restricted-globals": ["error", ...network],
      "jsx-a11y/label-has-associated-control": ["error", { depth: 3 }],
    },
  },
  { files: ["src/api/**/*.ts"], rules: { "no-restricted-globals": "off" } },
  ...FEATURES.map((name) => ({
    files: [`src/features/${name}/**/*.{ts,tsx}`],
    rules: {
      "no-restricted-imports": [
        "error",
        { patterns: [...othersInside(name), { group: ["**/app/*"], message: "Features do not know the app." }] },
      ],
    },
  })),
  {
    files: ["src/app/**/*.{ts,tsx}"],
    rules: { "no-restricted-imports": ["error", { patterns: othersInside(null) }] },
  },
  {
    files: ["src/ui/**/*.{ts,tsx}", "src/api/**/*.ts"],
    rules: {
      "no-restricted-imports": [
        "error",
        { patterns: [{ group: ["**/features/*", "**/app/*"], message: "ui and api know no features." }] },
      ],
    },
  },
  { files: ["map-build/**/*.mjs", "*.js"], languageOptions: { globals: globals.node } },
  { files: ["public/**/*.js"], languageOptions: { globals: globals.browser, sourceType: "script" } },
);
