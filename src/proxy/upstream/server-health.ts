/** What is known of one server, from the requests it got. Times are monotonic milliseconds. */
export class ServerHealth {
  readonly #ejectAfter: number;
  readonly #ejectForMs: number;
  #failures = 0;
  /** Undefined: in rotation. Otherwise out of it until then, and on trial afterwards. */
  #ejectedUntil: number | undefined;
  /** When the trial request went out; undefined when none is. */
  #trialSince: number | undefined;

  constructor(ejectAfter: number, ejectForMs: number) {
    this.#ejectAfter = ejectAfter;
    this.#ejectForMs = ejectForMs;
  }

  get inRotation(): boolean {
    return this.#ejectedUntil === undefined;
  }

  /** Whether a request may go here: in rotation, or its time is over and no other request is on trial. */
  available(now: number): boolean {
    if (this.#ejectedUntil === undefined) return true;
    if (now < this.#ejectedUntil) return false;
    // A trial whose end was never reported (the client went away) does not block the next for ever.
    return this.#trialSince === undefined || now - this.#trialSince >= this.#ejectForMs;
  }

  /** A request is being sent. */
  sent(now: number): void {
    if (this.#ejectedUntil !== undefined) this.#trialSince = now;
  }

  succeeded(): void {
    this.#failures = 0;
    this.#ejectedUntil = undefined;
    this.#trialSince = undefined;
  }

  /**
   * @param spare whether another server is in rotation: the last one is never ejected
   * @returns whether this failure took the server out of rotation
   */
  failed(now: number, spare: boolean): boolean {
    this.#failures++;
    if (this.#ejectedUntil !== undefined) {
      if (this.#trialSince !== undefined) this.#ejectedUntil = now + this.#ejectForMs;
      this.#trialSince = undefined;
      return false;
    }
    if (!spare || this.#failures < this.#ejectAfter) return false;
    this.#ejectedUntil = now + this.#ejectForMs;
    return true;
  }
}
