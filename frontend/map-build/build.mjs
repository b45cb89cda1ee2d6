/** `npm run map`: builds the map, and says in one sentence what is missing when it cannot. */

try {
  const { buildMap } = await import("./map.mjs");
  buildMap();
} catch (error) {
  const missing = error.code === "ERR_MODULE_NOT_FOUND";
  console.error(
    `map: ${missing ? `packages are missing; run npm install in frontend/ (${error.message})` : error.message}`,
  );
  process.exitCode = 1;
}
