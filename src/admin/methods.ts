/** Which methods a path takes, so that a wrong one is told apart from a wrong path (405 and 404, RFC 9110 section 15.5). */
export class MethodTable {
  readonly #routes: { readonly pattern: RegExp; readonly methods: readonly string[] }[] = [];

  /** @param url a route as Fastify writes it: `/v1/limits/:limit` */
  add(url: string, methods: string | readonly string[]): void {
    const pattern = new RegExp(`^${url.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/:\w+/g, '[^/]+')}$`);
    this.#routes.push({ pattern, methods: typeof methods === 'string' ? [methods] : methods });
  }

  /** Empty for a path that no route has. */
  of(path: string): string[] {
    return [...new Set(this.#routes.filter((r) => r.pattern.test(path)).flatMap((r) => r.methods))].sort();
  }
}
