/** Items that leave in the order in which they came. */
export interface Fifo<T> {
  readonly size: number;
  /** Undefined where there is none. */
  readonly first: T | undefined;
  push(item: T): void;
  /** Removes the first item; there must be one. */
  shift(): void;
}

/** An empty queue. Unlike an array's, its `shift` takes the same time however long it is. */
export function createFifo<T>(): Fifo<T> {
  let items: T[] = [];
  let head = 0;
  return {
    get size() {
      return items.length - head;
    },
    get first() {
      return items[head];
    },
    push(item) {
      items.push(item);
    },
    shift() {
      head++;
      // Items that have left are let go of once they are the larger part.
      if (head > 32 && head > items.length / 2) {
        items = items.slice(head);
        head = 0;
      }
    },
  };
}
