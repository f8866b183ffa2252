// Installs the npm packages that are missing, so that `npm start` and `npm test` each work as a first command, in a new
// clone and after a pull that brought another package. What is there already stays as it is.
import { existsSync, readFileSync } from "node:fs";
import { execSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const { dependencies, devDependencies } = JSON.parse(readFileSync(`${root}package.json`, "utf8"));
const isThere = (name) => existsSync(`${root}node_modules/${name}/package.json`);
const install = (how) =>
  execSync(`npm ${how} --no-audit --no-fund`, { cwd: root, stdio: ["ignore", "ignore", "inherit"] });
if (!existsSync(`${root}node_modules/.package-lock.json`)) install("ci");
else if (!Object.keys({ ...dependencies, ...devDependencies }).every(isThere)) install("install --no-save");
