import { FileSchema } from './schema.ts';

/** JSON Schema of the configuration file, for editors and `sluice schema`. Draft 7, because editors know that one best. */
export function configJsonSchema(): Readonly<Record<string, unknown>> {
  const plain = JSON.parse(JSON.stringify(FileSchema, (key, value) => (key === 'x-sluice' ? undefined : value)));
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    $id: 'urn:sluice:config',
    title: 'Sluice configuration',
    ...plain,
  };
}

/** What `sluice schema` prints. */
export function printedSchema(): string {
  return JSON.stringify(configJsonSchema(), null, 2);
}
