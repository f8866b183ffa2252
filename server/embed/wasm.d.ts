// What the bundler makes of the core's file in the browser build.
declare module "*.wasm" {
  const bytes: Uint8Array;
  export default bytes;
}
