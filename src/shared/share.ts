export type Shareable = Uint8Array | Uint16Array | Uint32Array | Int32Array | Float32Array | Float64Array;

/** A copy of `array` in memory that threads share. */
export function share<T extends Shareable>(array: T): T {
  const shared = new (array.constructor as new (buffer: SharedArrayBuffer) => T)(
    new SharedArrayBuffer(array.byteLength),
  );
  shared.set(array);
  return shared;
}
