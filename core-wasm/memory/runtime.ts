/**
 * The AssemblyScript runtime of the core: none. Managed objects do not exist here, so each hook that the compiler
 * could call for one traps; a trap in a test names the line that made a managed object by mistake.
 *
 * Not for the core's own memory, which memory/allocator.ts hands out.
 */

// @ts-ignore: decorator
@global
function __alloc(size: usize): usize {
  unreachable();
}

// @ts-ignore: decorator
@global
function __realloc(pointer: usize, size: usize): usize {
  unreachable();
}

// @ts-ignore: decorator
@global
function __free(pointer: usize): void {
  unreachable();
}

// @ts-ignore: decorator
@global
function __new(size: usize, id: u32): usize {
  unreachable();
}

// @ts-ignore: decorator
@global
function __renew(pointer: usize, size: usize): usize {
  unreachable();
}

// @ts-ignore: decorator
@global
function __link(parent: usize, child: usize, expectMultiple: bool): void {
  unreachable();
}

// @ts-ignore: decorator
@global
function __pin(pointer: usize): usize {
  return pointer;
}

// @ts-ignore: decorator
@global
function __unpin(pointer: usize): void {
  assert(pointer != 0);
}

// @ts-ignore: decorator
@global
function __visit(pointer: usize, cookie: u32): void {
  unreachable();
}

// @ts-ignore: decorator
@global
function __collect(): void {
  unreachable();
}
