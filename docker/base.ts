/** A stand-in for the image's base, out of what this machine has: the libraries that Node links to, accounts, authorities. */
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Of the base image: accounts root and nonroot, by number 65532. */
const ACCOUNTS = {
  'etc/passwd': 'root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n',
  'etc/group': 'root:x:0:\nnonroot:x:65532:\n',
  'etc/nsswitch.conf': 'hosts: files dns\n',
  'etc/hosts': '127.0.0.1 localhost\n::1 localhost\n',
};

const AUTHORITIES = '/etc/ssl/certs/ca-certificates.crt';

/** Lays out `root` so that `program` finds all it is linked to. Blocks. */
export function layBase(root: string, program: string): void {
  for (const folder of [
    'usr/bin',
    'usr/lib',
    'usr/lib64',
    'usr/local/bin',
    'etc/ssl/certs',
    'home/nonroot',
    'proc',
    'dev',
    'tmp',
  ]) {
    mkdirSync(join(root, folder), { recursive: true });
  }
  for (const link of ['bin', 'lib', 'lib64']) symlinkSync(`usr/${link}`, join(root, link));
  chmodSync(join(root, 'tmp'), 0o1777);
  for (const [path, text] of Object.entries(ACCOUNTS)) writeFileSync(join(root, path), text);
  if (existsSync(AUTHORITIES)) copyFileSync(AUTHORITIES, join(root, AUTHORITIES));
  for (const library of librariesOf(program)) {
    mkdirSync(join(root, dirname(library)), { recursive: true });
    copyFileSync(realpathSync(library), join(root, library));
  }
}

function librariesOf(program: string): readonly string[] {
  const listed = execFileSync('ldd', [program], { encoding: 'utf8' });
  return [...listed.matchAll(/(?:=> |^\s*)(\/\S+) \(0x/gm)].map(([, path = '']) => path);
}
