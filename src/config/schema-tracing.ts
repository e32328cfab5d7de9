/** The `tracing` block. Which header fields are the exporter's own is checked in semantics-tracing.ts. */
import type { Static } from 'typebox';
import { decimal, duration, integer, named, struct, text } from './fields.ts';

const NAME_PATTERN = '[A-Za-z0-9][A-Za-z0-9._-]{0,63}';

export const TracingSchema = struct(
  {
    endpoint: text(
      'collector',
      {
        description: 'Base URL of an OpenTelemetry collector that takes OTLP over HTTP; /v1/traces is added.',
        // biome-ignore lint/suspicious/noTemplateCurlyInString: this is the file’s own notation
        examples: ['http://127.0.0.1:4318', '${OTEL_EXPORTER_OTLP_ENDPOINT}'],
      },
      'https?://.+',
    ),
    sample: decimal(
      { min: 0, max: 1 },
      {
        description:
          'Part of the traces started here that is recorded. A caller that sends a trace has decided that already.',
        examples: [1, 0.01],
        default: 1,
      },
    ),
    serviceName: text(
      'name',
      {
        description: 'What traces call this gateway.',
        // biome-ignore lint/suspicious/noTemplateCurlyInString: this is the file’s own notation
        examples: ['edge', '${OTEL_SERVICE_NAME}'],
        default: 'sluice',
      },
      NAME_PATTERN,
    ),
    headers: named(text('fieldValue', { description: 'Value of the field.' }), {
      description: 'Header fields that the collector wants, a key for example.',
      default: {},
    }),
    maxSpans: integer(
      { min: 1, max: 1_000_000 },
      { description: 'Most finished spans that wait for the collector. Over it new ones are dropped.', default: 4_096 },
    ),
    timeout: duration(
      { min: 100, max: 60_000 },
      { description: 'Longest wait for the collector to take a batch, further tries included.', default: '10s' },
    ),
  },
  { description: 'Spans of requests for an OpenTelemetry collector. Left out: nothing is traced.' },
);

export type TracingShape = Static<typeof TracingSchema>;
