// thread.ts - a coroutine.

export class Coroutine {
  status = "suspended";
}
