/** Answers that take a while, each asked for by a name: whoever asks while one is being found out waits for that one. */
export class SharedAnswers<T> {
  readonly #running = new Map<string, Promise<T>>();

  ask(name: string, find: (name: string) => Promise<T>): Promise<T> {
    const running = this.#running.get(name);
    if (running !== undefined) return running;
    const answer = find(name).finally(() => this.#running.delete(name));
    this.#running.set(name, answer);
    return answer;
  }
}
