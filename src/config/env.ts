/**
 * `${NAME}` in a configuration. Values come in after the YAML has been parsed, so no value can change the structure.
 * But `${NAME}` inside a flow map (`{ token: ${NAME} }`) is not YAML: its brace ends the map. So before parsing, the
 * characters of each reference are masked by ones from Unicode's private use area that the text does not hold. One
 * UTF-16 unit replaces one, so every position stays true.
 */

export type Env = Readonly<Record<string, string | undefined>>;

export type Substitution =
  | { readonly kind: 'none' }
  /** `referred`: a variable's value is in it; else it only held escapes. */
  | { readonly kind: 'text'; readonly text: string; readonly referred: boolean }
  | { readonly kind: 'unset'; readonly name: string }
  | { readonly kind: 'syntax'; readonly reference: string };

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** `$${NAME}` or `$${` (escaped), `${…}`, or a `${` that nothing closes. Inside may not be what ends a YAML scalar anyway. */
const MARK = /\$\$\{(?:[A-Za-z_][A-Za-z0-9_]*\})?|\$\{(?:[^\s{}"',#[\]]*\})?/g;
const PRIVATE_USE = { from: 0xe000, to: 0xf8ff };
/** What the masks stand for, in order: `${` and `}` of a reference; the escaping `$`; `$`, `{` and `}` of an escaped one. */
const MEANING = ['$', '{', '}', '$', '$', '{', '}'] as const;

/** One text's masking. */
export class EnvMask {
  /** The text to parse; as long as the original. */
  readonly masked: string;
  readonly #marks: readonly string[];
  readonly #any: RegExp;
  readonly #token: RegExp;

  constructor(text: string) {
    this.#marks = unusedCharacters(text, MEANING.length);
    const [dollar, open, close] = this.#marks;
    this.#any = new RegExp(`[${this.#marks.join('')}]`);
    this.#token = new RegExp(`${dollar}${open}(?:([^${close}]*)${close})?|[${this.#marks.join('')}]`, 'g');
    this.masked = text.replace(MARK, (found) => this.#mask(found));
  }

  #mask(found: string): string {
    const [dollar, open, close, escaping, ...literal] = this.#marks;
    const escaped = found.startsWith('$$');
    const start = escaped ? `${escaping}${literal[0]}${literal[1]}` : `${dollar}${open}`;
    if (!found.endsWith('}')) return start;
    return start + found.slice(start.length, -1) + (escaped ? literal[2] : close);
  }

  /** `masked` as it stands in the file, for messages. */
  unmask(masked: string): string {
    if (!this.#any.test(masked)) return masked;
    return Array.from(masked, (c) => MEANING[this.#marks.indexOf(c)] ?? c).join('');
  }

  /** The value of a masked scalar; `none` when it holds no reference and no escape. */
  substitute(masked: string, env: Env): Substitution {
    if (!this.#any.test(masked)) return { kind: 'none' };
    let fault: Substitution | undefined;
    let referred = false;
    const text = masked.replace(this.#token, (found, name: string | undefined) => {
      const mark = this.#marks.indexOf(found);
      if (mark >= 3) return mark === 3 ? '' : (MEANING[mark] ?? '');
      const value = name !== undefined && Object.hasOwn(env, name) ? env[name] : undefined;
      if (name === undefined || !NAME.test(name)) fault ??= { kind: 'syntax', reference: this.unmask(found) };
      else if (value === undefined) fault ??= { kind: 'unset', name };
      referred = true;
      return value ?? '';
    });
    return fault ?? { kind: 'text', text, referred };
  }
}

function unusedCharacters(text: string, count: number): string[] {
  const found: string[] = [];
  for (let code = PRIVATE_USE.from; code <= PRIVATE_USE.to && found.length < count; code++) {
    const character = String.fromCharCode(code);
    if (!text.includes(character)) found.push(character);
  }
  // A text that holds nearly all 6,400 is no configuration; what it repeats of them is taken for masks.
  while (found.length < count) found.push(String.fromCharCode(PRIVATE_USE.to - found.length));
  return found;
}
