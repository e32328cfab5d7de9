import ipaddr from 'ipaddr.js';
import { SluiceError } from './errors.ts';

/**
 * One spelling for one address: IPv4 dotted, IPv6 as RFC 5952 writes it, an IPv4-mapped address as the IPv4 address it
 * stands for, no zone. Undefined when the text is no address.
 */
export function canonicalIp(text: string): string | undefined {
  if (ipv4Bits(text) >= 0) return text;
  if (!text.includes(':')) return undefined;
  const zone = text.indexOf('%');
  const plain = zone === -1 ? text : text.slice(0, zone);
  if (!ipaddr.IPv6.isValid(plain)) return undefined;
  const address = ipaddr.IPv6.parse(plain);
  return address.isIPv4MappedAddress() ? address.toIPv4Address().toString() : address.toRFC5952String();
}

/** The 32 bits of a dotted IPv4 address as an unsigned number; -1 when it is none. Leading zeros are refused: some read them as octal. */
export function ipv4Bits(text: string): number {
  const length = text.length;
  if (length < 7 || length > 15) return -1;
  let bits = 0;
  let octet = -1;
  let dots = 0;
  for (let i = 0; i < length; i++) {
    const c = text.charCodeAt(i);
    if (c === 46) {
      if (octet < 0 || ++dots > 3) return -1;
      bits = bits * 256 + octet;
      octet = -1;
      continue;
    }
    if (c < 48 || c > 57 || octet === 0) return -1;
    octet = octet < 0 ? c - 48 : octet * 10 + c - 48;
    if (octet > 255) return -1;
  }
  return octet < 0 || dots !== 3 ? -1 : bits * 256 + octet;
}

interface Block {
  readonly parts: readonly number[];
  readonly length: number;
}

/** A set of address blocks, such as `10.0.0.0/8` or `2001:db8::/32`; a bare address is a block of one. */
export class CidrSet {
  /** Network and divisor: an address is inside when both divide to the same number. */
  readonly #v4: { readonly network: number; readonly size: number }[] = [];
  readonly #v6: Block[] = [];

  /** @throws SluiceError SLUICE_CONFIG_INVALID for a text that is no block */
  constructor(blocks: readonly string[]) {
    for (const block of blocks) this.#add(block);
  }

  get empty(): boolean {
    return this.#v4.length === 0 && this.#v6.length === 0;
  }

  /** Whether the address (in the spelling of `canonicalIp`) is inside. */
  contains(ip: string): boolean {
    const bits = ipv4Bits(ip);
    if (bits >= 0) return this.#v4.some((block) => Math.floor(bits / block.size) === block.network);
    if (this.#v6.length === 0 || !ipaddr.IPv6.isValid(ip)) return false;
    const parts = ipaddr.IPv6.parse(ip).parts;
    return this.#v6.some((block) => samePrefix(parts, block));
  }

  #add(text: string): void {
    const slash = text.indexOf('/');
    const base = canonicalIp(slash === -1 ? text : text.slice(0, slash));
    const mapped = base !== undefined && text.includes(':') && ipv4Bits(base) >= 0;
    const size = base !== undefined && ipv4Bits(base) >= 0 ? 32 : 128;
    const digits = slash === -1 ? '' : text.slice(slash + 1);
    const length = slash === -1 ? size : Number(digits) - (mapped ? 96 : 0);
    const valid = slash === -1 || /^\d{1,3}$/.test(digits);
    if (base === undefined || !valid || length < 0 || length > size) {
      throw new SluiceError('SLUICE_CONFIG_INVALID', `"${text}" is not an address block such as 10.0.0.0/8`);
    }
    if (size === 32) {
      const span = 2 ** (32 - length);
      this.#v4.push({ network: Math.floor(ipv4Bits(base) / span), size: span });
    } else {
      this.#v6.push({ parts: ipaddr.IPv6.parse(base).parts, length });
    }
  }
}

function samePrefix(parts: readonly number[], block: Block): boolean {
  let left = block.length;
  for (let i = 0; left > 0; i++, left -= 16) {
    const mask = left >= 16 ? 0xffff : (0xffff << (16 - left)) & 0xffff;
    if (((parts[i] ?? 0) & mask) !== ((block.parts[i] ?? 0) & mask)) return false;
  }
  return true;
}
