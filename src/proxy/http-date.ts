/** The value of Date fields, written once a second. */
export class HttpDate {
  #second = -1;
  #text = '';

  /** @param now Unix milliseconds */
  text(now: number): string {
    const second = Math.floor(now / 1_000);
    if (second !== this.#second) {
      this.#second = second;
      this.#text = new Date(now).toUTCString();
    }
    return this.#text;
  }
}
