import { reasonOf, SluiceError } from '../core/errors.ts';

/**
 * Writes to standard output; resolves when it is taken. A reader that has left (`sluice schema | head`) is no fault.
 * @throws SluiceError SLUICE_OUTPUT when it cannot be written: the disk is full, …
 */
export async function print(text: string): Promise<void> {
  const error = await new Promise<Error | null | undefined>((resolve) => {
    process.stdout.write(text, resolve);
  });
  if (error instanceof Error && !('code' in error && error.code === 'EPIPE')) {
    throw new SluiceError('SLUICE_OUTPUT', `cannot write to standard output: ${reasonOf(error)}`, { cause: error });
  }
}
