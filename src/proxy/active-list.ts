/** A member of one list at a time. */
export interface Linked<T> {
  previous: T | undefined;
  next: T | undefined;
}

/** Who is under way: a doubly linked list, because every request enters and leaves it and a set costs several times more. */
export class ActiveList<T extends Linked<T>> {
  #first: T | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(item: T): void {
    item.next = this.#first;
    if (this.#first !== undefined) this.#first.previous = item;
    this.#first = item;
    this.#size++;
  }

  remove(item: T): void {
    if (item.previous === undefined) this.#first = item.next;
    else item.previous.next = item.next;
    if (item.next !== undefined) item.next.previous = item.previous;
    item.previous = undefined;
    item.next = undefined;
    this.#size--;
  }

  /** Calls `visit` on each member; it may remove the one it is given. */
  each(visit: (item: T) => void): void {
    let item = this.#first;
    while (item !== undefined) {
      const next: T | undefined = item.next;
      visit(item);
      item = next;
    }
  }
}
